"""SSH: SFTP and SCP."""

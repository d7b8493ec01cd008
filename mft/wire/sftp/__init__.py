"""SFTP version 3 packets (draft-ietf-secsh-filexfer-02)."""

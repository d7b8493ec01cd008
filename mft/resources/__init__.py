"""Level 4: what event handlers share, such as a mail server."""

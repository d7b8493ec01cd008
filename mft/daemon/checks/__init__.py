"""What no section of server.ini can tell alone."""

"""A managed file transfer server."""

"""A managed file transfer server."""

__version__ = "0.1.0"

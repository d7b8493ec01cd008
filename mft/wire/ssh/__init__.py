"""SSH packets (RFC 4253) and names."""

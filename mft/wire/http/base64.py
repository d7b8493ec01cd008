"""Base64 that has one form only for the same bytes (RFC 4648 4, 3.5)."""

import binascii


def decode_base64(text: str) -> bytes | None:
    """The bytes; None for other characters, wrong padding, and bits behind the last byte."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return data if encode_base64(data) == text else None


def encode_base64(data: bytes) -> str:
    """The text of these bytes, with padding and without ends of lines."""
    return binascii.b2a_base64(data, newline=False).decode()

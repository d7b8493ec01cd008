"""What the commands about archives share."""

import pytest

from mft.cli.archives import in_bytes


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (10 * 1024, "10 KiB"),
        (1536 * 1024, "1.5 MiB"),
        (3 << 40, "3.0 TiB"),
        (3 << 50, "3072 TiB"),
    ],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert in_bytes(count) == text

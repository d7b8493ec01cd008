"""What a client has set for what comes: types, modes, offsets. REIN and AUTH forget it."""

from dataclasses import dataclass, field

from mft.core.vpath import ROOT, VPath
from mft.wire.ftp.digest import DEFAULT_ALGORITHM
from mft.wire.ftp.listing import DEFAULT_FACTS


@dataclass(slots=True)
class Parameters:
    """The parameters of one session (RFC 959 4.1.2)."""

    text: bool  # TYPE A
    private: bool  # PROT P
    compressed: bool = False  # MODE Z
    sized: bool = False  # PBSZ has come
    extended_only: bool = False  # EPSV ALL
    folder: VPath = ROOT  # the working folder
    offset: int | None = None  # REST, for the next transfer
    span: tuple[int, int] | None = None  # RANG, for the next transfer; the end is not included
    allocated: int | None = None  # ALLO, for the next upload
    renaming: VPath | None = None  # RNFR, for the next RNTO
    facts: tuple[str, ...] = field(default=DEFAULT_FACTS)  # OPTS MLST
    algorithm: str = DEFAULT_ALGORITHM  # OPTS HASH

    def take_start(self) -> int | None:
        """The offset that REST gave, once: it is for one transfer."""
        offset, self.offset = self.offset, None
        return offset

    def take_span(self) -> tuple[int, int] | None:
        """The range that RANG gave, once."""
        span, self.span = self.span, None
        return span

    def take_size(self) -> int | None:
        """The size that ALLO gave, once."""
        size, self.allocated = self.allocated, None
        return size

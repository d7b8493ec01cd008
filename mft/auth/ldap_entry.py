"""Entry: what a directory shows of one entry, read with suspicion."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mft.core.secret import Secret

MAX_VALUES: Final = 2000  # of one entry, all attributes together
MAX_VALUE: Final = 16384  # bytes; an RSA key of 16384 bits is a line of 2,800


class Unusable(Exception):  # noqa: N818 - an answer about an entry, not an error
    """An entry that nobody can log in with; the sentence is for the audit trail."""


class Entry(NamedTuple):
    """An entry: its name, and the values of the attributes that were asked for."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]  # by the attribute, in small letters
    hidden: tuple[Secret, ...] = ()  # the values of the attribute that is never shown

    @classmethod
    def of(cls, answer: Mapping[str, Any], asked: Iterable[str], secret: str = "") -> "Entry":
        """Read an answer of the library; raises Unusable, or whatever an odd answer causes.

        The values of the attribute `secret` are in `hidden` only.
        """
        wanted = {name.lower() for name in asked}
        found: dict[str, tuple[bytes, ...]] = {}
        hidden: tuple[bytes, ...] = ()
        count = 0
        for name, values in answer["raw_attributes"].items():
            kind, *options = str(name).lower().split(";")
            if any(one.startswith("range=") for one in options):
                raise Unusable(f"it has more values of {kind} than the directory shows at once")
            is_secret = kind == secret.lower()
            if kind not in wanted or (options and not is_secret):
                continue
            came = tuple(bytes(one) for one in values or ())
            count += len(came)
            if count > MAX_VALUES or any(len(one) > MAX_VALUE for one in came):
                raise Unusable(f"it has more than {MAX_VALUES} values, or one over {MAX_VALUE}")
            if is_secret:  # one in some language counts too: what is passed over protects nobody
                hidden += came
            else:
                found[kind] = found.get(kind, ()) + came
        kept = tuple(Secret(one.decode(errors="replace")) for one in hidden)
        return cls(bytes(answer["raw_dn"]).decode(), found, kept)

    def texts(self, attribute: str) -> tuple[str, ...]:
        """The values of an attribute; raises Unusable for what is no text."""
        try:
            return tuple(one.decode() for one in self.values.get(attribute.lower(), ()))
        except UnicodeDecodeError:
            raise Unusable(f"a value of {attribute} is not UTF-8") from None

    def only(self, attribute: str) -> str:
        """The one value of an attribute; raises Unusable for none and for several."""
        values = self.texts(attribute)
        if len(values) != 1:
            raise Unusable(f"it has {len(values) or 'no'} value{'s' * bool(values)} of {attribute}")
        return values[0]

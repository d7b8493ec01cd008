"""WebDAV's bodies and fields: what is asked for, and what is told of it (RFC 4918).

XML is read without entities and without a DTD, so that it is never more than what was sent.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Final, NamedTuple
from xml.parsers import expat

from mft.wire.http.head import BadRequest, Fields
from mft.wire.http.target import Target, parse_target

MAX_XML: Final = 64 << 10  # bytes of a body
MAX_ELEMENTS: Final = 1000  # in a body; each costs a call
MAX_NAME: Final = 1 << 10  # characters of an element's, with its namespace, which many may share
MAX_LEVELS: Final = 32  # of elements within elements
MAX_PROPERTIES: Final = 128  # asked for in one request; each is told for every file

DAV: Final = "DAV:"
TYPE: Final = "application/xml; charset=utf-8"
_XML: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
BEGIN: Final = f'{_XML}<D:multistatus xmlns:D="DAV:">\n'.encode()
END: Final = b"</D:multistatus>\n"

# Namespaces that need no declaration here: the one that BEGIN has, that of XML itself, and none.
_PREFIXES: Final = {DAV: "D:", "http://www.w3.org/XML/1998/namespace": "xml:", "": ""}
_USUAL: Final = {"http": ":80", "https": ":443"}
_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")  # that UTF-16 begins with
_NO_TEXT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
# In a value of an attribute a bare end of line would be read as a space.
_ESCAPES: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


class Name(NamedTuple):
    """The name of an element; an empty namespace is none."""

    namespace: str
    local: str


class Asked(Enum):
    """Which properties a PROPFIND is about."""

    ALL = "allprop"
    NAMES = "propname"
    SOME = "prop"


class PropFind(NamedTuple):
    """What a PROPFIND asks for; `names` are those of SOME, and those that ALL includes."""

    asked: Asked
    names: tuple[Name, ...] = ()


class _Element(NamedTuple):
    name: Name
    inner: "list[_Element]"

    def within(self, local: str) -> "list[_Element]":
        """The elements directly in it that WebDAV calls so."""
        return [one for one in self.inner if one.name == (DAV, local)]


class _Reader:
    """Builds the tree of elements, without text and attributes, within its bounds."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._above = [_Element(Name("", ""), [])]
        self._count = 0

    @property
    def root(self) -> _Element:
        """The one element that holds all others, once everything was read."""
        return self._above[0].inner[0]

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._above) > MAX_LEVELS:
            raise BadRequest(400, "a body with too many elements, or too deep")
        if len(name) > MAX_NAME:
            raise BadRequest(400, f"an element with a name of more than {MAX_NAME} characters")
        namespace, _, local = name.rpartition(" ")
        element = _Element(Name(namespace, local), [])
        self._above[-1].inner.append(element)
        self._above.append(element)

    def _end(self, name: str) -> None:
        self._above.pop()

    def _doctype(self, name: str, system: str | None, public: str | None, inner: bool) -> None:
        raise BadRequest(400, "a body with a document type")


def _parse(body: bytes) -> _Element:
    """Read XML in UTF-8, or in UTF-16 with its mark, whatever it says of itself."""
    if len(body) > MAX_XML:
        raise BadRequest(413, f"a body of more than {MAX_XML} bytes")
    reader = _Reader()
    try:
        text = body.decode("utf-16" if body.startswith(_MARKS) else "utf-8")
        reader.parser.Parse(text, True)
    except (UnicodeDecodeError, expat.ExpatError):
        raise BadRequest(400, "a body that is not well-formed XML") from None
    return reader.root


def parse_propfind(body: bytes) -> PropFind:
    """Read the body of PROPFIND, of which none means all (RFC 4918 9.1); BadRequest 400, or 413.

    What is not known is passed over (17), a name that comes again as well.
    """
    if not body:
        return PropFind(Asked.ALL)
    root = _parse(body)
    if root.name != (DAV, "propfind"):
        raise BadRequest(400, "a body that is no propfind")
    kinds = [(kind, one) for kind in Asked for one in root.within(kind.value)]
    if len(kinds) != 1:
        raise BadRequest(400, "not exactly one of prop, propname and allprop")
    asked, element = kinds[0]
    if asked is Asked.NAMES:
        return PropFind(asked)
    return PropFind(asked, _names([element] if asked is Asked.SOME else root.within("include")))


def parse_propertyupdate(body: bytes) -> tuple[Name, ...]:
    """Read which properties a PROPPATCH sets or removes (RFC 4918 9.2); BadRequest 400, or 413."""
    root = _parse(body)
    if root.name != (DAV, "propertyupdate"):
        raise BadRequest(400, "a body that is no propertyupdate")
    changes = [*root.within("set"), *root.within("remove")]
    names = _names([prop for change in changes for prop in change.within("prop")])
    if not names:
        raise BadRequest(400, "an update without a property")
    return names


def _names(elements: Iterable[_Element]) -> tuple[Name, ...]:
    found = dict.fromkeys(one.name for element in elements for one in element.inner)
    if len(found) > MAX_PROPERTIES:
        raise BadRequest(400, f"more than {MAX_PROPERTIES} properties")
    return tuple(found)


def escaped(text: str) -> str:
    """Text for an element or an attribute; what XML cannot say at all is U+FFFD."""
    return _NO_TEXT.sub("\ufffd", text).translate(_ESCAPES)


def element(name: Name, inner: str = "") -> str:
    """An element of this name; `inner` is XML already."""
    prefix = _PREFIXES.get(name.namespace)
    if prefix is None:
        tag, bound = f"x:{name.local}", f' xmlns:x="{escaped(name.namespace)}"'
    else:
        tag, bound = prefix + name.local, ""
    return f"<{tag}{bound}>{inner}</{tag}>" if inner else f"<{tag}{bound}/>"


def response(href: str, properties: Mapping[int, Sequence[str]]) -> bytes:
    """What is told of one file or folder: elements of properties by their status (14.24)."""
    told = {status: inner for status, inner in properties.items() if inner} or {200: ()}
    propstats = "".join(_propstat(status, inner) for status, inner in told.items())
    return f"<D:response><D:href>{escaped(href)}</D:href>{propstats}</D:response>\n".encode()


def failed(href: str, status: int, why: str) -> bytes:
    """What is told of one file or folder for which a request could not be done (13)."""
    told = f"<D:status>HTTP/1.1 {status} {HTTPStatus(status).phrase}</D:status>"
    words = f"<D:responsedescription>{escaped(why)}</D:responsedescription>"
    return f"<D:response><D:href>{escaped(href)}</D:href>{told}{words}</D:response>\n".encode()


def _propstat(status: int, properties: Sequence[str]) -> str:
    told = f"<D:status>HTTP/1.1 {status} {HTTPStatus(status).phrase}</D:status>"
    return f"<D:propstat><D:prop>{''.join(properties)}</D:prop>{told}</D:propstat>"


def error(condition: str) -> bytes:
    """The body of a refusal that names the condition it has failed (RFC 4918 16)."""
    return f'{_XML}<D:error xmlns:D="DAV:">{element(Name(DAV, condition))}</D:error>\n'.encode()


class Depth(Enum):
    """How far below a folder a request goes (RFC 4918 10.2)."""

    ITSELF = "0"
    MEMBERS = "1"
    ALL = "infinity"


def parse_depth(fields: Fields) -> Depth:
    """Read Depth, which is infinity where it is not said; BadRequest 400."""
    value = fields.get("depth")
    try:
        return Depth.ALL if value is None else Depth(value.lower())
    except ValueError:
        raise BadRequest(400, "a Depth that is not 0, 1 or infinity") from None


def parse_overwrite(fields: Fields) -> bool:
    """Read Overwrite (RFC 4918 10.6): T, as without it, or F; BadRequest 400."""
    value = fields.get("overwrite")
    if value not in (None, "T", "F"):
        raise BadRequest(400, "an Overwrite that is not T or F")
    return value != "F"


def parse_destination(fields: Fields, hosts: Iterable[str]) -> Target:
    """Read Destination (RFC 4918 10.3): a path, or a URI at one of `hosts`, else BadRequest 502.

    It is read as targets of requests are, and has no query: BadRequest 400. A host may be said
    with the usual port of the URI's scheme or without it.
    """
    value = fields.get("destination")
    if value is None:
        raise BadRequest(400, "no Destination")
    target = parse_target(value)
    if "?" in value:
        raise BadRequest(400, "a Destination with a query")
    if target.authority:
        usual = _USUAL[value.partition(":")[0].lower()]
        ours = {host.lower().removesuffix(usual) for host in hosts}
        if target.authority.lower().removesuffix(usual) not in ours:
            raise BadRequest(502, "a Destination at another server")
    return target

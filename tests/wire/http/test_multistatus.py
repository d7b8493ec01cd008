"""What a WebDAV server tells of several files, in the words of several servers."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.http.dav import BEGIN, DAV, END, Name, element, response
from mft.wire.http.multistatus import MAX_NAMES, MAX_ROW, MAX_TEXT, MultiStatus, Row

APACHE = b"""<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/">
<D:href>/files/</D:href>
<D:propstat>
<D:prop>
<lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</lp1:getlastmodified>
<lp1:getetag>"1000-5a"</lp1:getetag>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
<D:propstat>
<D:prop>
<ns0:getcontentlength/>
</D:prop>
<D:status>HTTP/1.1 404 Not Found</D:status>
</D:propstat>
</D:response>
</D:multistatus>
"""
OTHER = b"""<multistatus xmlns="DAV:"><response><href>
  /x%20y </href><propstat><status>HTTP/1.1 200 OK</status><prop><getcontentlength
 xmlns:b="urn:b" b:dt="int">12</getcontentlength><getetag>W/"a&amp;b"</getetag><resourcetype/>
</prop></propstat></response><response><href>/gone</href><status>HTTP/1.1 404 gone</status>
<responsedescription>words</responsedescription></response><responsedescription/></multistatus>"""


def read(text: bytes, size: int = 1 << 20) -> list[Row]:
    reader = MultiStatus()
    for at in range(0, len(text), size):
        reader.feed(text[at : at + size])
    reader.end()
    return reader.rows


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_rows_are_read_in_pieces_of_any_size(size: int) -> None:
    assert read(APACHE, size) == [Row("/files/", 200, True, None, 784111777, '"1000-5a"')]
    assert read(OTHER, size) == [
        Row("/x%20y", 200, False, 12, None, 'W/"a&b"'),
        Row("/gone", 404),
    ]


def test_what_our_own_server_tells_is_read() -> None:
    properties = {"getcontentlength": "5", "getetag": "&quot;1&quot;", "resourcetype": ""}
    told = [element(Name(DAV, name), value) for name, value in properties.items()]
    text = BEGIN + response("/home/a&b", {200: told, 404: ["<D:x/>"]}) + END
    assert read(text) == [Row("/home/a&b", 200, False, 5, None, '"1"')]


def test_only_properties_that_are_there_count() -> None:
    text = OTHER.replace(b"HTTP/1.1 200 OK", b"HTTP/1.1 403 no")
    assert read(text)[0] == Row("/x%20y", 200)


@pytest.mark.parametrize("length", [b"", b"-1", b"abc", b"1e3", b"9" * 19, b"9" * 30])
def test_a_size_that_is_none_is_not_told(length: bytes) -> None:
    assert read(OTHER.replace(b">12<", b">%b<" % length))[0].size is None


def inside(text: str) -> bytes:
    return f'<D:multistatus xmlns:D="DAV:">{text}</D:multistatus>'.encode()


ROW = "<D:response><D:href>/x</D:href></D:response>"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<a/>",
        b'<multistatus xmlns="urn:x"/>',
        b'<D:multistatus xmlns:D="DAV:">',
        b'<!DOCTYPE a><D:multistatus xmlns:D="DAV:"/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><D:multistatus xmlns:D="DAV:">&b;</D:multistatus>',
        inside("&b;"),
        inside("<D:response/>"),
        inside("<D:response><D:href/></D:response>"),
        inside("<D:response><D:href>/x</D:href><D:status>OK</D:status></D:response>"),
        inside("<D:response><D:href>" + "x" * (MAX_TEXT + 1) + "</D:href></D:response>"),
        inside("<a>" * 40 + "</a>" * 40),
        inside(ROW + "".join(f"<a{n}/>" for n in range(MAX_NAMES))),
        inside(ROW) + b"more",
        inside(ROW).replace(b"/x", b"/\xff"),
    ],
)
def test_what_is_no_multistatus_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        read(text)


def test_what_is_told_of_one_file_has_a_bound() -> None:
    reader = MultiStatus()
    reader.feed(inside(ROW).partition(b"</D:multi")[0])
    for _ in range(MAX_ROW // 1024):
        reader.feed(b" " * 1024)
    with pytest.raises(Malformed, match="about one file"):
        reader.feed(b" ")


PIECES = st.sampled_from(
    [
        *(b"<D:response>", b"</D:response>", b"<D:href>/x</D:href>", b"<D:propstat>", b"<D:prop>"),
        *(b"</D:propstat>", b"</D:prop>", b"<D:status>HTTP/1.1 200 OK</D:status>", b"&amp;", b"<"),
        *(b"<D:getcontentlength>5</D:getcontentlength>", b"<D:collection/>", b"\xff", b"<![CDATA["),
        *(
            b"<D:resourcetype><D:collection/></D:resourcetype>",
            b"<!DOCTYPE a>",
            b"</D:multistatus>",
        ),
    ]
)


@pytest.mark.fuzz
@given(st.binary(max_size=100) | st.lists(PIECES, max_size=30).map(b"".join), st.booleans())
def test_any_bytes_are_rows_or_malformed(text: bytes, begun: bool) -> None:
    whole = b'<D:multistatus xmlns:D="DAV:">' + text + b"</D:multistatus>" if begun else text
    with suppress(Malformed):
        assert read(whole) == read(whole, 3)

"""The bodies and fields of WebDAV."""

import xml.etree.ElementTree as ET
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.dav import (
    BEGIN,
    DAV,
    END,
    MAX_ELEMENTS,
    MAX_LEVELS,
    MAX_PROPERTIES,
    MAX_XML,
    Asked,
    Depth,
    Name,
    PropFind,
    element,
    error,
    escaped,
    parse_depth,
    parse_destination,
    parse_overwrite,
    parse_propertyupdate,
    parse_propfind,
    response,
)
from mft.wire.http.head import BadRequest, Fields

XML = "http://www.w3.org/XML/1998/namespace"


def propfind(inner: str) -> bytes:
    return f'<propfind xmlns="DAV:">{inner}</propfind>'.encode()


def update(inner: str) -> bytes:
    return f'<D:propertyupdate xmlns:D="DAV:" xmlns:a="urn:a">{inner}</D:propertyupdate>'.encode()


def dav(*names: str) -> tuple[Name, ...]:
    return tuple(Name(DAV, name) for name in names)


def refusal(body: bytes) -> int:
    with pytest.raises(BadRequest) as caught:
        parse_propfind(body)
    assert "PRIVATE" not in str(caught.value)
    return caught.value.status


# PROPFIND


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        ("<allprop/>", PropFind(Asked.ALL)),
        ("<propname/>", PropFind(Asked.NAMES)),
        ("<propname><displayname/></propname>", PropFind(Asked.NAMES)),
        ("<prop/>", PropFind(Asked.SOME)),
        ("<prop><getetag/><x/></prop>", PropFind(Asked.SOME, dav("getetag", "x"))),
        ("<prop><x/><getetag/><x/></prop>", PropFind(Asked.SOME, dav("x", "getetag"))),
        ("<prop><x><y><z/></y></x></prop>", PropFind(Asked.SOME, dav("x"))),
        ("<allprop/><include><x/></include>", PropFind(Asked.ALL, dav("x"))),
        ("<include><x/></include><allprop/>", PropFind(Asked.ALL, dav("x"))),
        ("<propname/><include><x/></include>", PropFind(Asked.NAMES)),
        ("<new/>text<allprop/><!-- a note --><?and this?>", PropFind(Asked.ALL)),
        ('<prop><a xmlns=""/></prop>', PropFind(Asked.SOME, (Name("", "a"),))),
        ('<prop><b:a xmlns:b="urn:b"/></prop>', PropFind(Asked.SOME, (Name("urn:b", "a"),))),
        ("<prop><xml:a/></prop>", PropFind(Asked.SOME, (Name(XML, "a"),))),
        ('<prop x="1" y="2"><é>&#233;&amp;</é></prop>', PropFind(Asked.SOME, dav("é"))),
        ("<prop><![CDATA[<a/>]]></prop>", PropFind(Asked.SOME)),
    ],
)
def test_what_is_asked_for_is_read(inner: str, wanted: PropFind) -> None:
    assert parse_propfind(propfind(inner)) == wanted


def test_no_body_asks_for_all() -> None:
    assert parse_propfind(b"") == PropFind(Asked.ALL)


def test_utf_8_and_utf_16_are_read_whatever_they_say_of_themselves() -> None:
    text = '<?xml version="1.0" encoding="{}"?><propfind xmlns="DAV:"><prop><é/></prop></propfind>'
    wanted = PropFind(Asked.SOME, dav("é"))
    assert parse_propfind(text.format("utf-8").encode()) == wanted
    assert parse_propfind(b"\xef\xbb\xbf" + text.format("utf-8").encode()) == wanted
    assert parse_propfind(text.format("utf-16").encode("utf-16")) == wanted
    assert parse_propfind(("\ufeff" + text.format("utf-16")).encode("utf-16-be")) == wanted
    assert parse_propfind(text.format("idna").encode()) == wanted
    assert refusal(text.format("iso-8859-1").encode("iso-8859-1")) == 400


@pytest.mark.parametrize(
    "body",
    [
        propfind(""),
        propfind("<allprop/><prop/>"),
        propfind("<allprop/><allprop/>"),
        propfind("<include><x/></include>"),
        propfind("<allprop>"),
        propfind("&PRIVATE;"),
        propfind("<a:allprop/>"),
        propfind('<prop><b:a xmlns:b=""/></prop>'),
        propfind("<prop>\x01</prop>"),
        b"<propfind><allprop/></propfind>",
        b'<propfind xmlns="DAV"><allprop/></propfind>',
        b'<propertyupdate xmlns="DAV:"><allprop/></propertyupdate>',
        propfind("<allprop/>") * 2,
        propfind("<allprop/>") + b"PRIVATE",
        b" ",
        b"PRIVATE",
        b"\x00",
        b"\xff\xfe",
        b"\xff\xfe<\x00\x00\xd8",
        b"\x80",
        b'{"PRIVATE": 1}',
        b"<!DOCTYPE propfind>" + propfind("<allprop/>"),
        b'<!DOCTYPE propfind SYSTEM "file:///etc/passwd">' + propfind("<allprop/>"),
        b'<!DOCTYPE propfind [<!ENTITY a "b">]>' + propfind("<prop>&a;</prop>"),
        b'<!DOCTYPE propfind [<!ENTITY % a SYSTEM "http://x/">%a;]>' + propfind("<allprop/>"),
    ],
)
def test_what_asks_for_nothing_clearly_is_refused(body: bytes) -> None:
    assert refusal(body) == 400


def test_bodies_are_bounded() -> None:
    prop = "<prop>{}</prop>".format
    deep = MAX_LEVELS - 2
    assert parse_propfind(propfind(prop("<a>" * deep + "</a>" * deep))).names == dav("a")
    assert refusal(propfind(prop("<a>" * (deep + 1) + "</a>" * (deep + 1)))) == 400
    assert refusal(propfind("<a>" * 10_000)) == 400

    many = MAX_ELEMENTS - 2
    assert parse_propfind(propfind(prop("<a/>" * many))).names == dav("a")
    assert refusal(propfind(prop("<a/>" * (many + 1)))) == 400

    names = [f"<a{number}/>" for number in range(MAX_PROPERTIES + 1)]
    assert len(parse_propfind(propfind(prop("".join(names[:-1])))).names) == MAX_PROPERTIES
    assert refusal(propfind(prop("".join(names)))) == 400

    body = propfind("<allprop/>")
    assert parse_propfind(body + b" " * (MAX_XML - len(body))) == PropFind(Asked.ALL)
    assert refusal(body + b" " * (MAX_XML - len(body) + 1)) == 413


# PROPPATCH


def test_what_is_set_and_removed_is_read() -> None:
    body = update(
        "<D:remove><D:prop><a:old/><D:getetag/></D:prop></D:remove>"
        "<D:set><D:prop><a:new xml:lang='en'>text <D:href>x</D:href></a:new></D:prop>"
        "<D:other><a:not/></D:other><D:prop><a:old/></D:prop></D:set><D:unset/>"
    )
    names = (Name("urn:a", "new"), Name("urn:a", "old"), Name(DAV, "getetag"))
    assert parse_propertyupdate(body) == names


@pytest.mark.parametrize(
    "body",
    [
        b"",
        propfind("<allprop/>"),
        update(""),
        update("<D:set/>"),
        update("<D:set><D:prop/></D:set>"),
        update("<D:set><a:prop><a:x/></a:prop></D:set>"),
        update("<a:set><D:prop><a:x/></D:prop></a:set>"),
        update("<D:set>"),
    ],
)
def test_an_update_of_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_propertyupdate(body)
    assert caught.value.status == 400


# Answers


def read(*responses: bytes) -> ET.Element:
    return ET.fromstring(BEGIN + b"".join(responses) + END)


def test_a_response_tells_properties_by_their_status() -> None:
    known = [element(Name(DAV, "displayname"), escaped('a & "<b>'))]
    missing = [element(Name("urn:é&\"'<", "x")), element(Name("", "y")), element(Name(XML, "z"))]
    told = read(response("/home/a%20b", {200: known, 404: missing}))
    assert told.tag == "{DAV:}multistatus"
    (one,) = told
    assert [child.tag for child in one] == ["{DAV:}href", "{DAV:}propstat", "{DAV:}propstat"]
    assert one.findtext("{DAV:}href") == "/home/a%20b"
    first, second = one.findall("{DAV:}propstat")
    assert first.findtext("{DAV:}status") == "HTTP/1.1 200 OK"
    assert first.findtext("{DAV:}prop/{DAV:}displayname") == 'a & "<b>'
    assert second.findtext("{DAV:}status") == "HTTP/1.1 404 Not Found"
    tags = [child.tag for child in second.findall("{DAV:}prop/*")]
    assert tags == ["{urn:é&\"'<}x", "y", f"{{{XML}}}z"]


@pytest.mark.parametrize("properties", [{}, {200: [], 404: []}, {404: []}])
def test_nothing_asked_for_is_told_as_nothing_that_is_there(
    properties: dict[int, list[str]],
) -> None:
    told = read(response("/", properties))
    assert told.findtext("*/{DAV:}propstat/{DAV:}status") == "HTTP/1.1 200 OK"
    assert told.findall("*/*/{DAV:}prop/*") == []


def test_several_responses_are_one_document() -> None:
    told = read(response("/a", {403: [element(Name(DAV, "a"))]}), response("/b", {}))
    assert [one.findtext("{DAV:}href") for one in told] == ["/a", "/b"]
    assert read() == read() or len(read()) == 0


def test_what_xml_cannot_say_is_told_all_the_same() -> None:
    assert escaped("a\x00b\ud800\uffff\x1f\x7f") == "a\ufffdb\ufffd\ufffd\ufffd\x7f"
    assert escaped("\t\n\r<>&\"'") == "&#9;&#10;&#13;&lt;&gt;&amp;&quot;'"


def test_an_error_names_its_condition() -> None:
    told = ET.fromstring(error("propfind-finite-depth"))
    assert told.tag == "{DAV:}error"
    assert [child.tag for child in told] == ["{DAV:}propfind-finite-depth"]


# Fields


def fields(**values: str) -> Fields:
    return Fields(list(values.items()))


@pytest.mark.parametrize(
    ("value", "depth"),
    [
        ("0", Depth.ITSELF),
        ("1", Depth.MEMBERS),
        ("infinity", Depth.ALL),
        ("Infinity", Depth.ALL),
        ("2", None),
        ("", None),
        ("00", None),
        ("-1", None),
        ("1,noroot", None),
        ("1, 1", None),
    ],
)
def test_a_depth_is_one_of_three(value: str, depth: Depth | None) -> None:
    if depth is not None:
        assert parse_depth(fields(Depth=value)) is depth
        return
    with pytest.raises(BadRequest) as caught:
        parse_depth(fields(Depth=value))
    assert caught.value.status == 400


def test_no_depth_is_infinite() -> None:
    assert parse_depth(fields()) is Depth.ALL
    with pytest.raises(BadRequest):
        parse_depth(Fields([("Depth", "0"), ("Depth", "0")]))


def test_overwriting_is_the_rule() -> None:
    assert parse_overwrite(fields())
    assert parse_overwrite(fields(Overwrite="T"))
    assert not parse_overwrite(fields(Overwrite="F"))
    for value in ("", "t", "f", "true", "T, F"):
        with pytest.raises(BadRequest) as caught:
            parse_overwrite(fields(Overwrite=value))
        assert caught.value.status == 400


HOSTS = ("files.example.com:8080", "[2001:db8::1]", "Proxy.example.com:443")


@pytest.mark.parametrize(
    ("value", "segments"),
    [
        ("/home/a", ("home", "a")),
        ("/home/a%20%25/", ("home", "a %")),
        ("/", ()),
        ("http://files.example.com:8080/home/a", ("home", "a")),
        ("https://FILES.example.com:8080/home/a", ("home", "a")),
        ("http://[2001:db8::1]/a", ("a",)),
        ("https://[2001:DB8::1]:443/a", ("a",)),
        ("HTTP://[2001:db8::1]:80/a", ("a",)),
        ("https://proxy.example.com/a", ("a",)),
        ("https://proxy.example.com:443", ()),
    ],
)
def test_a_destination_is_ours(value: str, segments: tuple[str, ...]) -> None:
    target = parse_destination(fields(Destination=value), HOSTS)
    assert target.segments == segments
    assert target.folder is (value.endswith("/") or not segments)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("http://files.example.com/home/a", 502),
        ("https://files.example.com:443/home/a", 502),
        ("http://proxy.example.com/a", 502),
        ("http://[2001:db8::1]:443/a", 502),
        ("http://evil.example.com/a", 502),
        ("http://files.example.com:8080@evil.example.com/a", 400),
        ("http://user@files.example.com:8080/a", 400),
        ("//files.example.com:8080/home/a", 400),
        ("ftp://files.example.com:8080/home/a", 400),
        ("home/a", 400),
        ("", 400),
        ("*", 400),
        ("/home/../a", 400),
        ("/home/%2e%2e/a", 400),
        ("/home//a", 400),
        ("/home/a%2fb", 400),
        ("/home/a\\b", 400),
        ("/home/%ff", 400),
        ("/home/%00", 400),
        ("/home/a?b=c", 400),
        ("/home/a?", 400),
        ("/home/a#b", 400),
        ("/home/a, /home/b", 400),
        ("/home/a b", 400),
        ("/home/\xe9", 400),
        ("/" + "a" * 9000, 414),
    ],
)
def test_another_destination_is_refused(value: str, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_destination(fields(Destination=value), HOSTS)
    assert caught.value.status == status


def test_a_destination_must_be_said() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_destination(fields(), HOSTS)
    assert caught.value.status == 400


# Fuzz

PIECES = st.sampled_from(
    [
        *("<", ">", "/", "&", ";", "=", '"', "a", "a:", "xmlns", ' xmlns:a="urn:a"', "<a>", "</a>"),
        *("<a/>", "<prop>", "</prop>", "<allprop/>", "<!DOCTYPE a [", "<!ENTITY a 'b'>", "]>"),
        *("<![CDATA[", "]]>", "<!--", "-->", "<?a?>", "&a;", "&#0;", "é", "\x00", "\ud7ff", " "),
    ]
)


@pytest.mark.fuzz
@given(st.binary() | st.lists(PIECES).map(lambda pieces: propfind("".join(pieces))))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    for parse in (parse_propfind, parse_propertyupdate):
        with suppress(BadRequest):
            parse(body)


NAMES = st.from_regex(r"[A-Za-z_é][A-Za-z0-9_.é-]{0,8}", fullmatch=True)
SPACES = st.just(DAV) | st.just("") | st.from_regex(r"urn:[a-z0-9:/?%&'<>é]{0,9}", fullmatch=True)


@pytest.mark.fuzz
@given(st.lists(st.builds(Name, SPACES, NAMES), unique=True))
def test_names_are_told_as_they_were_asked_for(names: list[Name]) -> None:
    inner = "".join(map(element, names))
    body = f'<D:propfind xmlns:D="DAV:"><D:prop>{inner}</D:prop></D:propfind>'.encode()
    assert parse_propfind(body) == PropFind(Asked.SOME, tuple(names))


@pytest.mark.fuzz
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_but_for_what_xml_cannot_say(text: str) -> None:
    told = read(response(text, {200: [element(Name(DAV, "a"), escaped(text))]}))
    assert len(told.findtext("*/{DAV:}href") or "") == len(text)
    if escaped(text).count("\ufffd") == text.count("\ufffd"):
        assert told.findtext("*/{DAV:}href") == text
        assert (told.findtext("*/*/*/{DAV:}a") or "") == text


@pytest.mark.fuzz
@given(st.text(), st.lists(st.text()))
def test_any_destination_is_read_or_refused(value: str, hosts: list[str]) -> None:
    with suppress(BadRequest):
        assert ".." not in parse_destination(fields(Destination=value), hosts).segments

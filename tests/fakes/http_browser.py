"""A browser in memory: it likes pages, keeps its cookie, and sends forms from where they are."""

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.fakes.http_server import HOST, LOGIN, Answer, HttpClient, HttpServer
from tests.fakes.memory_server import PASSWORD

LIKES = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ENCODED = "application/x-www-form-urlencoded"
BOUNDARY = "--edge"
Part = tuple[str, str | None, bytes]  # the name of a field, that of a file if it is one, content

_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class Browser(HttpClient):
    """Somebody with a browser."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server, user=None)
        self.fields["Accept"] = LIKES
        self.origin = f"{'https' if server.tls else 'http'}://{HOST}"
        self.token = ""

    def log_in(self, user: str = "ann", password: str = PASSWORD, to: str = "") -> str:
        """Send the login form; where it leads."""
        pairs = [("username", user), ("password", password)]
        answer = self.post(LOGIN + to, pairs)
        assert answer.status == 303, answer
        self.fields["Cookie"] = (answer.field("Set-Cookie") or "").partition(";")[0]
        found = _TOKEN.search(self.ask("GET", "/home/").body.decode())
        assert found is not None
        self.token = found[1]
        return answer.field("Location") or ""

    def post(self, path: str, pairs: list[tuple[str, str]], **fields: str | None) -> Answer:
        """Send an encoded form."""
        fields = {"Content_Type": ENCODED, "Origin": self.origin, **fields}
        return self.ask("POST", path, urlencode(pairs).encode(), **fields)

    def press(self, path: str, action: str, *names: str, **values: str) -> Answer:
        """Press a button of a folder's page, with these names selected."""
        pairs = [("csrf", self.token), ("action", action)]
        pairs += [("selected-members", name) for name in names]
        pairs += [(name.replace("_", "-"), value) for name, value in values.items()]
        return self.post(path, pairs)

    def upload(self, path: str, *files: tuple[str, bytes], **fields: str | None) -> Answer:
        """Send the form with files."""
        parts: list[Part] = [("csrf", None, self.token.encode()), ("action", None, b"upload-file")]
        parts += [("files", name, content) for name, content in files]
        return self.ask("POST", path, multipart(*parts), **self.multipart_fields(), **fields)

    def multipart_fields(self) -> dict[str, str | None]:
        """What is said of a form with files."""
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return {"Content_Type": kind, "Origin": self.origin}


def multipart(*parts: Part, end: bool = True) -> bytes:
    """The body of a form with files."""
    body = b""
    for name, filename, content in parts:
        told = f'Content-Disposition: form-data; name="{name}"'
        if filename is not None:
            told += f'; filename="{filename.replace(chr(34), "%22")}"'
        body += f"--{BOUNDARY}\r\n{told}\r\n\r\n".encode() + content + b"\r\n"
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def text_of(answer: Answer) -> str:
    """What a page says, without its words for the module."""
    assert answer.field("Content-Type") == "text/html; charset=utf-8"
    page = answer.body.decode()
    reader = _Text()
    reader.feed(page.partition("<template")[0])
    return re.sub(r"\s+", " ", "".join(reader.pieces))


def listed(answer: Answer) -> list[str]:
    """The names that a page lists."""
    found = re.findall(r'<th scope="row"><a class="\w+" href="[^"]*">([^<]*)</a>', _body(answer))
    return [unescape(name) for name in found]


def buttons(answer: Answer) -> list[str]:
    """What the buttons of a page do."""
    return re.findall(r'name="action" value="([^"]*)"', _body(answer))


def _body(answer: Answer) -> str:
    return answer.body.decode()

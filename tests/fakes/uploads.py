"""A client of uploads that go on: requests of tus and of the draft, in one line each."""

from base64 import b64encode

from tests.fakes.http_server import Answer, HttpClient

ALL = "/__mft__/tus/"
TUS_TYPE, DRAFT_TYPE = "application/offset+octet-stream", "application/partial-upload"


def named(path: str, key: str = "path") -> str:
    """Upload-Metadata that names a file."""
    return f"{key} {b64encode(path.encode()).decode()}"


def create(client: HttpClient, path: str, length: int, **fields: str | None) -> Answer:
    """Begin an upload of tus."""
    given = {"Upload_Metadata": named(path), "Upload_Length": str(length), **fields}
    return client.ask("POST", ALL, b"", Tus_Resumable="1.0.0", **given)


def begun(client: HttpClient, path: str, length: int) -> str:
    """Begin one that nothing refuses; its URL."""
    answer = create(client, path, length)
    assert answer.status == 201, answer
    url = answer.field("Location")
    assert url is not None
    return url


def patch(client: HttpClient, url: str, offset: int, data: bytes, **fields: str | None) -> Answer:
    """Add a part in tus."""
    given = {"Tus_Resumable": "1.0.0", "Content_Type": TUS_TYPE, **fields}
    return client.ask("PATCH", url, data, Upload_Offset=str(offset), **given)


def add(
    client: HttpClient, url: str, offset: int, data: bytes, *, ends: bool, **fields: str | None
) -> Answer:
    """Add a part in the draft."""
    last = "?1" if ends else "?0"
    given = {"Content_Type": DRAFT_TYPE, "Upload_Complete": last, **fields}
    return client.ask("PATCH", url, data, Upload_Offset=str(offset), **given)


def offset(client: HttpClient, url: str) -> str | None:
    """How much is here, as tus is told."""
    return client.ask("HEAD", url, Tus_Resumable="1.0.0").field("Upload-Offset")


def state(client: HttpClient, url: str) -> tuple[str | None, str | None]:
    """How much is here and whether it is all, as the draft is told."""
    answer = client.ask("HEAD", url)
    return answer.field("Upload-Offset"), answer.field("Upload-Complete")


def begin_part(
    client: HttpClient, url: str, offset: int, size: int, data: bytes, **fields: str | None
) -> None:
    """Begin a part of `size` bytes of tus, and send some of it."""
    head = client.head(
        "PATCH",
        url,
        Tus_Resumable="1.0.0",
        Content_Type=TUS_TYPE,
        Upload_Offset=str(offset),
        Content_Length=str(size),
        **fields,
    )
    client.write(head + data)

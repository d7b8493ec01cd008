"""What both rooms that ask servers over HTTP read; the options of each have more of it."""

import pytest

from mft.config.http_kinds import TAKEN, header_lines, in_clear, several_urls, shown_url
from mft.config.kinds import Wrong, Wrongs

EXAMPLE = "https://hooks.example.com/mft"


def test_what_is_no_url_is_told_with_an_example_and_without_its_query() -> None:
    with pytest.raises(Wrong, match=EXAMPLE) as raised:
        several_urls(EXAMPLE).read("ftp://a.example/?token=hunter2", None)
    assert raised.value.part == "ftp://a.example/"


def test_what_the_request_decides_cannot_be_given() -> None:
    with pytest.raises(Wrongs, match="which the request itself decides"):
        header_lines().read("Content-Type: text/plain", None)
    (one,) = header_lines(TAKEN - {"content-type"}).read("Content-Type: text/plain", None)
    assert (one.name, one.value.reveal()) == ("Content-Type", "text/plain")


def test_it_is_known_what_can_be_read_on_its_way() -> None:
    assert in_clear("http://a.example/")
    assert not in_clear("https://a.example/")
    assert not in_clear("http://127.0.0.1/")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.chat.example/services/T0/B0/hunter2", "https://hooks.chat.example/..."),
        ("https://api.chat.example:8443/bot1:hunter2/send", "https://api.chat.example:8443/..."),
        ("https://a.example/?hunter2", "https://a.example/"),
        ("https://a.example?hunter2", "https://a.example"),
        ("https://a.example#hunter2", "https://a.example/..."),
        ("a.example/hunter2//b", "a.example/..."),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("https://a.example", "https://a.example"),
        ("a.example/hunter2", "a.example/..."),
        ("https:/a.example/hunter2", "https:/..."),
        ("https://ann:hunter2@[bad/hunter2", "https://[bad/..."),
        ("", ""),
    ],
)
def test_of_a_url_administrators_see_where_it_leads_and_no_more(url: str, shown: str) -> None:
    assert shown_url(url) == shown

"""Lines of authorized keys: the options that count, and the keys that are not used."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.peer import Address
from mft.trust.authorized_keys import (
    MAX_KEYS,
    MAX_SENTENCES,
    AuthorizedKey,
    in_sources,
    parse_keys,
    parse_line,
    source_list,
)
from mft.trust.ssh_keys import MAX_KEY_FILE, HostKey

KEY = HostKey.generate().public
LINE = KEY.line("ann@example.com")
HERE = Address("192.0.2.7", 50000)
THERE = Address("198.51.100.9", 50000)
NOW = datetime(2030, 6, 1, tzinfo=UTC).timestamp()


def test_a_plain_line_is_a_key_with_its_comment() -> None:
    assert parse_line(LINE) == AuthorizedKey(KEY, "ann@example.com")
    assert parse_line(KEY.line()).comment == ""
    assert parse_line(LINE.replace(" ", "\t")).key == KEY


@pytest.mark.parametrize(
    "options", ["restrict", "no-pty,no-port-forwarding", "NO-PTY", "no-touch-required"]
)
def test_options_that_forbid_what_never_happens_change_nothing(options: str) -> None:
    assert parse_line(f"{options} {LINE}") == parse_line(LINE)


@pytest.mark.parametrize(
    "options",
    [
        'command="rm -rf /"',
        "cert-authority",
        'environment="A=b"',
        "verify-required",
        'principals="x"',
        'restrict,command="internal-sftp"',
        "something-new",
    ],
)
def test_a_key_with_an_option_that_we_do_not_keep_is_not_used(options: str) -> None:
    with pytest.raises(ValueError, match="not supported, so its key is not used"):
        parse_line(f"{options} {LINE}")


@pytest.mark.parametrize(
    ("pattern", "here", "there"),
    [
        ("192.0.2.7", True, False),
        ("192.0.2.0/24", True, False),
        ("192.0.2.*", True, False),
        ("192.0.2.?", True, False),
        ("*,!192.0.2.7", False, True),
        ("!198.51.100.0/24,*", True, False),
        ("!192.0.2.7", False, False),
        ("2001:db8::/32", False, False),
        ("::ffff:192.0.2.7", True, False),
        ("[0-9]*", False, False),
    ],
)
def test_a_key_is_good_only_from_its_sources(pattern: str, here: bool, there: bool) -> None:
    key = parse_line(f'no-pty,from="{pattern}" {LINE}')
    assert (key.refusal(NOW, HERE) is None) is here
    assert (key.refusal(NOW, THERE) is None) is there


def test_a_peer_without_an_address_is_in_no_list() -> None:
    assert not in_sources(source_list("0.0.0.0/0"), Address("not-an-address", 1))


@pytest.mark.parametrize(
    ("expiry", "good"),
    [
        ("20300601Z", False),
        ("20300602Z", True),
        ("203006010001Z", True),
        ("20300601000001Z", True),
        ("20290101", False),
        ("20310101", True),
    ],
)
def test_a_key_expires(expiry: str, good: bool) -> None:
    key = parse_line(f'expiry-time="{expiry}" {LINE}')
    assert (key.refusal(NOW, HERE) is None) is good


def test_the_earliest_of_two_expiries_counts() -> None:
    key = parse_line(f'expiry-time="20310101Z",expiry-time="20290101Z" {LINE}')
    assert key.refusal(NOW, HERE) == "the key has expired"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "neither"),
        ("ssh-ed25519", "neither|not a public key"),
        ("ssh-ed25519 ", "not a public key"),
        ("ssh-ed25519 !!!!", "Base64"),
        (f"ssh-rsa {LINE.split()[1]}", "of type ssh-ed25519"),
        ("ssh-dss AAAA", "neither|supported"),
        ('from="1.2.3.4', "neither"),
        (f'from="" {LINE}', "1 to 100"),
        (f"from {LINE}", "1 to 100"),
        (f'from="host.example.com" {LINE}', "host names"),
        (f'from="{"*" * 9}" {LINE}', "too long a pattern"),
        (f'from="1.2.3.4",from="5.6.7.8" {LINE}', "twice"),
        (f'expiry-time="soon" {LINE}', "YYYYMMDD"),
        (f'expiry-time="20301301" {LINE}', "not a date"),
        ("no-pty ssh-dss AAAA", "supported type"),
        ("no-pty x", "not a public key"),
        ("ssh-ed25519 " + "A" * 30000, "too long"),
        ("ssh-ed25519 AAAA", "cut short"),
    ],
    ids=lambda text: text.replace(LINE.split()[1], "KEY"),
)
def test_a_bad_line_is_told_with_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_line(line)


def test_a_quote_inside_an_option_does_not_end_it() -> None:
    with pytest.raises(ValueError, match="'command' is not supported"):
        parse_line(f'command="say \\"hi\\" , twice" {LINE}')


def test_a_text_keeps_its_good_lines_and_tells_of_the_bad_ones() -> None:
    found = parse_keys(f"# keys\n\n{LINE}\r\nrubbish\n  {LINE}\n")
    assert [key.key for key in found.keys] == [KEY, KEY]
    assert [line for line, _ in found.problems] == [4]


def test_a_private_key_does_not_belong_there() -> None:
    found = parse_keys(LINE + "\n" + HostKey.generate().pem().decode())
    assert found.private
    assert not found.keys
    assert "private key" in found.problems[0][1]
    assert parse_keys("PuTTY-User-Key-File-3: ssh-ed25519").private


def test_keys_problems_and_text_are_bounded() -> None:
    assert "longer than" in parse_keys("#" * (MAX_KEY_FILE + 1)).problems[0][1]
    many = parse_keys("\n".join([KEY.line()] * (MAX_KEYS + 1)))
    assert len(many.keys) == MAX_KEYS
    assert "more than 1000" in many.problems[0][1]
    assert len(parse_keys("x\n" * 1000).problems) == MAX_SENTENCES


@pytest.mark.fuzz
@settings(max_examples=300)
@given(
    st.text(max_size=60),
    st.sampled_from(["", 'from="', "expiry-time=", "no-pty,", "ssh-ed25519 ", LINE + " "]),
    st.sampled_from(["", '" ' + LINE, " " + LINE]),
)
def test_any_text_is_read_or_told(text: str, start: str, end: str) -> None:
    found = parse_keys(start + text + end)
    for key in found.keys:
        key.refusal(NOW, HERE)

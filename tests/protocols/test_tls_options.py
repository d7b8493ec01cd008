"""The TLS options of a service, and every problem that they can have."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.problem import Problem
from mft.config.section import check_section, read_section
from mft.protocols.tls_options import DISTRIBUTION_POINTS, TlsOptions
from mft.trust.certificates import Identity, key_pem, self_signed
from mft.trust.first_certificate import CERTIFICATE
from mft.trust.suites import SECURE_VERSIONS, Version
from tests.fakes import pki

MADE = self_signed(["localhost"])
PLAIN = "[services/a]\ntype = ftp\nname = a\nport = 10021\n"


class Place:
    """An instance with a certificate in the usual place."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        folder = (directory / CERTIFICATE).parent
        folder.mkdir(parents=True)
        MADE.write(directory / CERTIFICATE)

    def write(self, name: str, data: bytes, mode: int = 0o600) -> Path:
        path = self.directory / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def read(
        self, more: str = "", model: type[TlsOptions] = TlsOptions
    ) -> tuple[TlsOptions | None, list[str]]:
        """The options, and what is wrong with them."""
        problems: list[Problem] = []
        raw = parse(f"{PLAIN}{more}".encode(), "server.ini", problems)["services/a"]
        context = Context(self.directory)
        options = read_section(model, raw, context, problems)
        if options is not None:
            check_section(options, raw, context, problems)
        return options, [str(one).partition("] ")[2] for one in problems]

    def options(self, more: str = "") -> TlsOptions:
        options, problems = self.read(more)
        assert problems == []
        assert options is not None
        return options

    def problem(self, more: str) -> str:
        """The one thing that is wrong."""
        (problem,) = self.read(more)[1]
        return problem


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def indented(data: bytes) -> str:
    return "\n" + "".join(f"    {line}\n" for line in data.decode().splitlines())


# What they stand for.


def test_by_default_the_certificate_of_the_instance_is_served(place: Place) -> None:
    options = place.options()
    assert options.uses_tls
    assert options.methods == SECURE_VERSIONS
    assert options.identity(place.directory) == MADE
    assert options.authorities() == ()
    assert options.context(place.directory).get_timeout() == 7200


def test_files_are_named_from_the_instance_folder(place: Place) -> None:
    other = self_signed(["other"])
    place.write("a.pem", other.chain_pem())
    place.write("a.key", key_pem(other.key))
    options = place.options("ssl_certificate = a.pem\nssl_key = a.key\n")
    assert options.identity(place.directory) == other


def test_text_may_stand_in_place_of_files(place: Place) -> None:
    other, authority = self_signed(["other"]), pki.Authority()
    text = indented(other.pem())
    options = place.options(
        f"ssl_certificate ={text}ssl_certificate_authority ={indented(authority.pem)}"
    )
    assert options.identity(place.directory) == other
    assert options.authorities() == (authority.certificate,)
    assert "PRIVATE" not in repr(options)


def test_authorities_may_be_several_files_or_none(place: Place) -> None:
    first, second = pki.Authority("first"), pki.Authority("second")
    place.write("1.pem", first.pem)
    place.write("2.pem", second.pem)
    options = place.options("ssl_certificate_authority = 1.pem, 2.pem\n")
    assert options.authorities() == (first.certificate, second.certificate)
    assert options.context(place.directory).get_timeout()
    for none in ("", "Disabled"):
        assert place.options(f"ssl_certificate_authority = {none}\n").authorities() == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("CRL-distribution-points", (DISTRIBUTION_POINTS,)),
        (
            "file:///a%20b/c.crl, http://host:8080/x.crl",
            (Path("/a b/c.crl"), "http://host:8080/x.crl"),
        ),
    ],
)
def test_revocation_lists_are_files_urls_or_one_word(
    place: Place, text: str, expected: tuple[Path | str, ...]
) -> None:
    options, _ = place.read(f"ssl_certificate_revocation_list = {text}\n")
    assert options is not None
    assert options.ssl_certificate_revocation_list == expected


def test_versions_and_ciphers_may_be_chosen(place: Place) -> None:
    options = place.options("ssl_allowed_methods = TLSv1.3\nssl_cipher_list = secure:HIGH\n")
    assert options.methods == (Version.TLS_1_3,)
    assert options.context(place.directory)


def test_names_of_other_servers_are_taken(place: Place) -> None:
    place.write("ca.pem", pki.Authority().pem)
    place.write("b.pem", MADE.pem())
    options, problems = place.read(
        "tls_private_certificate = b.pem\ntls_mutual_certification_authorities = ca.pem\n"
        "ssl_domains = files.example.com\n"
    )
    assert options is not None
    assert options.ssl_certificate == place.directory / "b.pem"
    assert len(options.authorities()) == 1
    assert len(problems) == 3
    assert any("ssl_domains has no effect here" in problem for problem in problems)


class WithoutTls(TlsOptions):
    """A service that needs no certificate."""

    @property
    def uses_tls(self) -> bool:
        return False


def test_a_service_without_tls_needs_no_certificate(place: Place) -> None:
    (place.directory / CERTIFICATE).unlink()
    options, problems = place.read("ssl_cipher_list = rot13\n", WithoutTls)
    assert problems == []
    assert options is not None
    assert not options.makes_certificate(place.directory)


# What can be wrong.


def test_without_any_certificate_the_first_start_makes_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.protocols.tls_options.socket.gethostname", lambda: "files.example")
    assert not place.options().makes_certificate(place.directory)
    (place.directory / CERTIFICATE).unlink()
    options = place.options("address = 192.0.2.1\n")
    assert options.makes_certificate(place.directory)
    options.make_certificate(place.directory)
    assert not options.makes_certificate(place.directory)
    made = options.identity(place.directory).certificate
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "files.example"]
    assert "192.0.2.1" in map(str, names.get_values_for_type(x509.IPAddress))
    options.make_certificate(place.directory)
    assert options.identity(place.directory).certificate == made


def test_what_is_named_is_never_made(place: Place) -> None:
    (place.directory / CERTIFICATE).unlink()
    place.write("a.key", key_pem(MADE.key))
    problem = place.problem("ssl_key = a.key\n")
    assert problem.startswith("ssl_certificate (")
    assert "server.pem) cannot be read: No such file or directory" in problem
    assert problem.endswith("; `mft certificate` makes one")
    (place.directory / CERTIFICATE).symlink_to("nowhere")
    assert "cannot be read" in place.problem("")
    problem = place.problem("ssl_certificate = none.pem\n")
    assert problem.endswith('none.pem" cannot be read: No such file or directory')


def test_problems_of_the_key_are_told_where_it_is(place: Place) -> None:
    place.write("a.key", key_pem(pki.new_key()))
    assert 'ssl_key = "' in place.problem("ssl_key = a.key\n")
    assert "does not belong" in place.problem("ssl_key = a.key\n")
    assert "has a password" in place.problem("ssl_key_password = x\n")
    whole = place.write("all.pem", MADE.pem(), 0o644)
    assert place.problem(f"ssl_certificate = {whole}\n") == (
        f'ssl_certificate = "{whole}" holds a key and can be read by everybody (mode 0644)'
    )


def test_a_certificate_that_openssl_does_not_take_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = Identity(MADE.certificate, (), pki.new_key())
    monkeypatch.setattr(Identity, "load", lambda *_: mixed)
    assert "is not taken by OpenSSL" in place.problem("")


def test_text_that_holds_a_key_is_never_shown(place: Place) -> None:
    other = self_signed(["other"])
    text = indented(other.chain_pem() + key_pem(pki.new_key()))
    problem = place.problem(f"ssl_certificate ={text}")
    assert problem == 'ssl_certificate = "-----BEGIN ..." does not belong to the certificate'
    text = indented(key_pem(pki.new_key()))
    problem = place.problem(f"ssl_certificate_authority ={text}")
    assert problem.startswith('ssl_certificate_authority = "-----BEGIN ..." holds no certificate')
    problem = place.problem(f"ssl_key ={text}")
    assert problem == 'ssl_key = "-----BEGIN ..." does not belong to the certificate'


def test_passwords_are_never_shown(place: Place) -> None:
    _, problems = place.read("ssl_key_password = hush\nssl_cipher_list = rot13\n")
    assert "hush" not in "".join(problems)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ssl_cipher_list = rot13", "names no cipher that OpenSSL knows"),
        ("ssl_allowed_methods = sslv3", "names sslv3, which is broken"),
        ("ssl_allowed_methods = tls9", 'does not know "tls9"'),
        ("tls_active_session_limit = 9", "is shorter than 10 seconds"),
        ("tls_active_session_limit = 8d", "is longer than 604800 seconds"),
        ("ssl_certificate_authority = none.pem", "cannot be read"),
        ("ssl_certificate_revocation_list = https://a/b", "is not file:///path"),
        ("ssl_certificate_revocation_list = http://u:p@a/b", "is not file:///path"),
        ("ssl_certificate_revocation_list = http:///b", "is not file:///path"),
        ("ssl_certificate_revocation_list = file://a/b", "is not file:///path"),
        ("ssl_certificate_revocation_list = file:///a, crl-distribution-points", "alone the word"),
        ("ssl_certificate_revocation_list = http://a:x/b", "is not a URL"),
        (f"ssl_certificate_revocation_list = {'http://a/b,' * 21}", "more than 20 lists"),
    ],
)
def test_values_that_cannot_be_used_are_told(place: Place, line: str, sentence: str) -> None:
    problem = place.problem(f"{line}\n")
    assert sentence in problem
    assert problem.startswith(line.partition(" ")[0])


def test_what_fails_when_a_service_starts_names_its_file(place: Place) -> None:
    ca = place.write("ca.pem", pki.Authority().pem)
    key = place.write("a.key", key_pem(MADE.key))
    options = place.options(f"ssl_certificate_authority = {ca}\nssl_key = {key}\n")
    key.write_bytes(key_pem(pki.new_key()))
    with pytest.raises(ValueError, match=r"a\.key does not belong to the certificate"):
        options.context(place.directory)
    (place.directory / CERTIFICATE).unlink()
    with pytest.raises(ValueError, match=r"server\.pem cannot be read"):
        options.context(place.directory)
    ca.unlink()
    with pytest.raises(ValueError, match=r"ca\.pem cannot be read"):
        options.context(place.directory)


class Lists:
    """A service with an authority, and its lists."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.authority = pki.Authority()
        place.write("ca.pem", self.authority.pem)

    def problems(self, crl: x509.CertificateRevocationList | None, authority: bool = True) -> str:
        path = self.place.directory / "a.crl"
        path.unlink(missing_ok=True)
        if crl is not None:
            path.write_bytes(crl.public_bytes(Encoding.DER))
        more = "ssl_certificate_authority = ca.pem\n" if authority else ""
        line = f"ssl_certificate_revocation_list = {path.as_uri()}, http://a/b\n"
        return "".join(self.place.read(more + line)[1])


def test_revocation_lists_that_do_not_count_are_told(place: Place) -> None:
    lists = Lists(place)
    assert lists.problems(lists.authority.revoke()) == ""
    assert "cannot be read" in lists.problems(None)
    assert "has expired" in lists.problems(lists.authority.revoke(begin=-pki.DAY, end=-pki.HOUR))
    assert "is not signed by" in lists.problems(pki.Authority("stranger").revoke())


def test_revocation_lists_mean_nothing_without_an_authority(place: Place) -> None:
    told = Lists(place).problems(None, authority=False)
    assert told.endswith('" counts only together with ssl_certificate_authority')

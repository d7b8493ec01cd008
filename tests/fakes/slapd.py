"""A real directory: slapd of OpenLDAP as the current user, over a folder of its own.

It has 5,000 people, some of them with names made to harm, and groups in groups. `Slapd.options`
gives the options of an `ldap` method that asks it. `coded` has the one-time codes of `CODES`.
"""

import base64
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ldap3 import NONE, Connection, Server

from mft.auth.ldap_options import LdapOptions
from mft.config.kinds import Context
from mft.trust.ssh_keys import HostKey
from tests.fakes import pki, ready
from tests.fakes.accounts import CODES, OTPAUTH
from tests.interop.ports import free_port

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
OTHERS = f"ou=others,{BASE}"
GROUPS = f"ou=groups,{BASE}"
SEARCHER = f"cn=mft,ou=services,{BASE}"
ROOT = f"cn=root,{BASE}"
KEY = HostKey.generate().public
PASSWORD = "right"
CROWD = 5000
PATIENCE = 20.0  # seconds for slapd to listen; it takes 0.1

# Names that mean something in a filter or in a distinguished name, as real entries.
HOSTILE = (
    "*",
    "a*",
    ")(uid=*",
    "x)(|(uid=*",
    " leading",
    "trailing ",
    "#hash",
    "comma,ou=others",
    "plus+uid=ann",
    'quote"s',
    "back\\slash",
    "back\\2a",
    "semi;colon",
    "<angle>",
    "a=b",
    "a:=b",
    "a:dn:=b",
    "~=",
    "Zoë Müller",
    "名前",
)

_PERSON = ("inetOrgPerson", "ldapPublicKey", "totpUser")
_SCHEMA = """
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY
  MAY ( sshPublicKey $ uid ) )
attributetype ( 2.25.1.1 NAME 'totpSecret'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 2.25.1.2 NAME 'hiddenSecret'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 2.25.1.3 NAME 'totpUser' SUP top AUXILIARY MAY ( totpSecret $ hiddenSecret ) )
"""

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {folder}/keys.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/pid
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
threads 4
sizelimit unlimited
database mdb
suffix "{base}"
rootdn "{root}"
rootpw {password}
directory {folder}/data
maxsize 268435456
dbnosync
index objectClass,uid,cn,member eq
access to attrs=userPassword by anonymous auth by * none
access to attrs=hiddenSecret by * none
access to attrs=totpSecret by dn.exact="{searcher}" read by * none
access to dn.base="uid=closed,{people}" by self none by * none
access to * by users read by * none
overlay memberof
"""


def entry(dn: str, *classes: str, **values: Any) -> str:
    """One entry as LDIF, every value in base64."""
    lines = [("dn", dn), *(("objectClass", one) for one in classes)]
    for name, value in values.items():
        lines += [(name, one) for one in ([value] if isinstance(value, str) else value)]
    return "".join(f"{a}:: {base64.b64encode(b.encode()).decode()}\n" for a, b in lines) + "\n"


def escaped(text: str) -> str:
    """Every octet of a value as RFC 4514 lets it be written: no code of ours takes part."""
    return "".join(f"\\{one:02x}" for one in text.encode())


def person(uid: str, base: str = PEOPLE, **values: Any) -> str:
    """Somebody whose password is `right`."""
    return entry(
        f"uid={escaped(uid)},{base}",
        *_PERSON,
        **{"uid": uid, "cn": uid, "sn": uid, "userPassword": PASSWORD, **values},
    )


def _people() -> Iterator[str]:
    yield entry(BASE, "dcObject", "organization", dc="example", o="Example")
    for one in (PEOPLE, OTHERS, GROUPS, f"ou=services,{BASE}"):
        yield entry(one, "organizationalUnit", ou=one.split(",")[0][3:])
    yield entry(SEARCHER, "organizationalRole", "simpleSecurityObject", cn="mft", userPassword="s")
    ann = {"mail": ["ann@example.org", "a@example.org"], "street": "/homes/ann", "ou": "sales"}
    yield person("ann", **ann, sshPublicKey=KEY.line(), employeeType="in chains")
    yield person("bob", street=["/homes/bob", "/homes/eve"])
    yield person("climber", street="/homes/../etc", l="../etc")
    yield person("below", l="ann/private")
    yield person("closed")
    yield person("carol", OTHERS)
    yield person("direct", description=f"uid=direct,{PEOPLE}")
    yield person("short", description="uid=short")
    yield person("thief", description=f"uid=u2,{PEOPLE}", userPassword="of the thief")
    yield person("Twin", OTHERS)
    yield person("twin", f"{PEOPLE}")
    secret = CODES.secret.reveal()
    yield person("coded", totpSecret=secret, hiddenSecret=secret, description=OTPAUTH)
    for one in HOSTILE:
        yield person(one)
    for number in range(CROWD):
        yield person(f"u{number}")


def _groups() -> Iterator[tuple[str, list[str]]]:
    """Ann is in sales, that is in staff, that is in all; a circle; a chain that is too long."""
    yield "sales", [f"uid=ann,{PEOPLE}", f"uid=carol,{OTHERS}"]
    yield "staff", [f"cn=sales,{GROUPS}"]
    yield "all", [f"cn=staff,{GROUPS}"]
    yield "circle-1", [f"uid=twin,{PEOPLE}", f"cn=circle-2,{GROUPS}"]
    yield "circle-2", [f"cn=circle-1,{GROUPS}"]
    yield "deep-0", [f"uid=u1,{PEOPLE}"]
    for number in range(1, 25):
        yield f"deep-{number}", [f"cn=deep-{number - 1},{GROUPS}"]


class Slapd:
    """A directory that runs."""

    host = "127.0.0.1"
    other_host = "127.0.0.2"  # it listens there too, and its certificate does not say so

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.authority = pki.Authority()
        self._process: subprocess.Popen[bytes] | None = None
        self._write()

    def _write(self) -> None:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        identity = self.authority.issue(
            "localhost", purpose=pki.SERVER, extensions=[x509.SubjectAlternativeName(names)]
        )
        (self.folder / "server.pem").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
        (self.folder / "server.key").write_bytes(
            identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (self.folder / "ca.pem").write_bytes(self.authority.pem)
        (self.folder / "other-ca.pem").write_bytes(pki.Authority("another").pem)
        (self.folder / "keys.schema").write_text(_SCHEMA)
        told = {"base": BASE, "root": ROOT, "people": PEOPLE, "password": PASSWORD}
        configuration = _CONFIGURATION.format(folder=self.folder, searcher=SEARCHER, **told)
        (self.folder / "slapd.conf").write_text(configuration)
        ready.copy("slapd", self._new, self.folder / "data")

    def _new(self) -> None:
        """Make the data of all people and groups; it does not run then."""
        (self.folder / "data").mkdir()
        (self.folder / "people.ldif").write_text("".join(_people()))
        self._run("slapadd", "-q", "-l", self.folder / "people.ldif")
        self.start()
        try:
            self._add_groups()
        finally:
            self.stop()

    def _run(self, command: str, *words: Any) -> None:
        whole = [f"/usr/sbin/{command}", "-f", self.folder / "slapd.conf", *words]
        done = subprocess.run(whole, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Listen on both ports."""
        urls = " ".join(
            f"ldap://{host}:{self.port}/ ldaps://{host}:{self.tls_port}/"
            for host in (self.host, self.other_host)
        )
        command = ["/usr/sbin/slapd", "-f", self.folder / "slapd.conf", "-h", urls, "-d", "0"]
        self._process = subprocess.Popen(command)
        end = time.monotonic() + PATIENCE
        while not self._listens():
            assert self._process.poll() is None, "slapd ended"
            assert time.monotonic() < end, "slapd does not listen"
            time.sleep(0.02)

    def _listens(self) -> bool:
        try:
            socket.create_connection((self.host, self.tls_port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it; connections end with it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    @contextmanager
    def as_root(self) -> Iterator[Connection]:
        """A connection of the administrator of the directory."""
        server = Server(self.host, self.port, get_info=NONE)
        connection = Connection(server, ROOT, PASSWORD, auto_bind="NO_TLS")
        try:
            yield connection
        finally:
            connection.unbind()

    def add(self, uid: str, **values: str) -> None:
        """Add somebody whose password is `right`, while it runs."""
        told = {"uid": uid, "cn": uid, "sn": uid, "userPassword": PASSWORD, **values}
        with self.as_root() as root:
            root.add(f"uid={escaped(uid)},{PEOPLE}", [*_PERSON], told)
            assert root.result["result"] == 0, root.result

    def _add_groups(self) -> None:
        """Add the groups while it runs, so that its overlay writes memberOf."""
        with self.as_root() as root:
            for name, members in _groups():
                root.add(f"cn={name},{GROUPS}", "groupOfNames", {"member": members})
                assert root.result["result"] == 0, root.result

    def options(self, **given: str) -> LdapOptions:
        """Options of a method that asks it, in clear unless they say otherwise."""
        secure = given.get("secure_connection", "no").lower()
        told = {
            "name": "directory",
            "address": self.host,
            "port": str(self.tls_port if secure == "yes" else self.port),
            "secure_connection": secure,
            "ssl_certificate_authority": str(self.folder / "ca.pem"),
            "username_attribute": "uid",
            "bind_dn": PEOPLE,
            "timeout": "5",
            **given,
        }
        return LdapOptions.model_validate(told, context=Context(self.folder))

    def searching(self, **given: str) -> LdapOptions:
        """Options of a method that searches with an account of its own."""
        told = {
            "bind_dn_type": "search",
            "search_bind_dn": SEARCHER,
            "search_bind_password": "s",
            "bind_dn": BASE,
            **given,
        }
        return self.options(**told)


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """One directory for the tests of a module."""
    made = Slapd(tmp_path_factory.mktemp("slapd"))
    made.start()
    try:
        yield made
    finally:
        made.stop()

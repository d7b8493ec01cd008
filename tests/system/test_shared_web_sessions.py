"""A web session that began on one node goes on at the others: alive, drained, killed, cut off."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.events import catalogue as events
from tests.fakes.clusters import shared_database
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.interop.trees import content
from tests.interop.web import Web
from tests.system.ftp_services import half
from tests.system.http_client import Answer, HttpClient
from tests.system.nodes import Nodes
from tests.system.rig import until

SECRET = "of these nodes, and not of their database"
OTHER = "bob"  # an account that has the same password, until it has changed that
TAKEN = events.WEB_SESSION_TAKEN.number
LOGGED_OUT, IDLED = events.HTTP_LOGGED_OUT.number, events.HTTP_IDLE.number
ENDED, AWAY, BACK = (
    events.SESSION_ENDED.number,
    events.CLUSTER_AWAY.number,
    events.CLUSTER_BACK.number,
)
ENDS = (LOGGED_OUT, IDLED, ENDED)
SIZE = 900_000
PART = SIZE // 3
DATA = content(SIZE)
TUS = {"Tus_Resumable": "1.0.0"}


class Site:
    """Two nodes, and the HTTP services that each of them has; they are made once for all tests."""

    def __init__(self, folder: Path, template: Server, database: Any) -> None:
        self.nodes = Nodes(folder, template, database)
        self.rigs = self.nodes.rigs
        self.webs: list[Web] = []
        self.brief: list[Web] = []  # whose sessions are soon idle
        self._ends: list[tuple[int, str]] = []
        same = cheap_hash(template)
        for rig in self.rigs:
            rig.say("resources/cluster", secret=SECRET)
            rig.say("groups/DEFAULT_GROUP", allow_own_password_change="Yes")
            self.webs.append(rig.web("http", idle_connection_timeout="60s"))
            self.brief.append(rig.web("http", idle_connection_timeout="1s"))
            rig.account(OTHER, home=self.rigs[0].home, identity="bob-1", password=same)
        self.name, self.password = template.account, template.password

    def begin(self) -> None:
        """See that both run, for a test that has its own events."""
        for rig in self.rigs:
            if rig.process is None:
                rig.start()
        until(lambda: all(self.nodes.up(rig) == len(self.rigs) for rig in self.rigs), "all are up")
        self._ends = self._all_ends()

    def ends(self) -> list[tuple[int, str]]:
        """The events of this test by which web sessions have ended, and of which account."""
        left = list(self._ends)
        return [one for one in self._all_ends() if one not in left or left.remove(one)]

    def _all_ends(self) -> list[tuple[int, str]]:
        told = [one for rig in self.rigs for number in ENDS for one in rig.trail.of(number)]
        return sorted((one["id"], one["account"]["name"]) for one in told)

    def client(self, web: Web, token: str) -> HttpClient:
        """A connection to a node that shows the token of a web session."""
        client = HttpClient(web, name="")
        client.fields["Authorization"] = f"Session {token}"
        return client

    def ask(self, node: int, token: str, method: str = "GET", target: str = "/home/") -> Answer:
        """One request, by a connection of its own."""
        with self.client(self.webs[node], token) as client:
            return client.ask(method, target, b"" if method == "POST" else None)

    def log_in(self, web: Web, name: str = "") -> str:
        """A web session's token."""
        given = {"username": name or self.name, "password": self.password}
        with HttpClient(web, name="") as client:
            answer = self.post(client, "/__mft__/login", given)
        assert answer.status == 200
        return str(answer.json["results"][0]["session"])

    @staticmethod
    def post(client: HttpClient, target: str, given: dict[str, str]) -> Answer:
        """Post JSON."""
        body = json.dumps(given).encode()
        return client.ask("POST", target, body, Content_Type="application/json")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[Site]:
    with shared_database("postgresql") as database:
        site = Site(tmp_path_factory.mktemp("nodes"), template, database)
        yield site
        site.nodes.close()


@pytest.fixture
def site(both: Site) -> Site:
    both.begin()
    return both


def curl(*words: str | Path) -> str:
    done = subprocess.run(
        ["curl", "-sS", "-w", "\n%{http_code}", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_browser_goes_on_at_the_other_node_and_logs_out_everywhere(
    site: Site, tmp_path: Path
) -> None:
    first, second = site.webs
    jar, file = tmp_path / "jar", tmp_path / "file"
    file.write_bytes(DATA)
    user = f"username={first.server.account}"
    form = ("--data-urlencode", user, "--data-urlencode", f"password={first.server.password}")
    assert curl("-c", jar, *form, first.url("/__mft__/login")).endswith("303")
    shown = ("-b", jar)
    assert curl(*shown, second.home("/")).endswith("200")
    page = ("-H", f"Origin: {second.url('')}")  # what browsers say of a page
    assert curl(*shown, *page, "-T", file, second.home("/file")).endswith("201")
    assert curl(*shown, "-o", tmp_path / "got", first.home("/file")).endswith("200")
    assert (tmp_path / "got").read_bytes() == DATA
    one, other = site.rigs
    (taken,) = other.trail.of(TAKEN)
    assert taken["data"]["node"] == "node-0"
    assert taken["account"]["name"] == first.server.account
    assert one.trail.count(TAKEN) == 0

    shows = curl(*shown, "-H", "Accept: text/html", second.home("/"))
    token = shows.partition('name="csrf" value="')[2].partition('"')[0]
    page = ("-H", f"Origin: {first.url('')}", "--data", f"csrf={token}")
    assert curl(*shown, *page, first.url("/__mft__/logout")).endswith("303")
    until(lambda: curl(*shown, second.home("/")).endswith("401"), "it has ended everywhere")
    assert curl(*shown, first.home("/")).endswith("401")
    assert site.ends() == [(LOGGED_OUT, site.name)]


def test_an_upload_goes_on_at_the_other_node_when_its_node_was_killed(site: Site) -> None:
    one, other = site.rigs
    token = site.log_in(site.webs[0])
    path = f"path {b64encode(b'a').decode()}"
    with site.client(site.webs[0], token) as client:
        begun = client.ask(
            "POST",
            "/__mft__/tus/",
            b"",
            Upload_Length=str(SIZE),
            Upload_Metadata=path,
            **TUS,
        )
        url = begun.fields["location"]
        send(client, url, 0, PART)
        until(lambda: half(one.home) > PART // 2, "bytes of the upload")
        one.kill()
    with site.client(site.webs[1], token) as client:
        had = int(client.ask("HEAD", url, **TUS).fields["upload-offset"])
        assert PART // 2 < had <= PART
        send(client, url, had, SIZE)
        assert client.answer().status == 204
    assert (other.home / "a").read_bytes() == DATA
    assert half(other.home) == 0
    one.start()
    assert site.ask(0, token).status == 200
    assert site.ask(1, token, "POST", "/__mft__/logout").status == 204
    until(lambda: site.ask(0, token).status == 401, "it has ended everywhere")
    assert site.ends() == [(LOGGED_OUT, site.name)]


def send(client: HttpClient, url: str, at: int, stop: int) -> None:
    """Begin to send all that is left of an upload, and send it up to `stop`."""
    head = client.head(
        "PATCH",
        url,
        Content_Type="application/offset+octet-stream",
        Upload_Offset=str(at),
        Content_Length=str(SIZE - at),
        **TUS,
    )
    client.put(head + DATA[at:stop])


def test_a_node_that_is_stopped_takes_no_session_with_it(site: Site) -> None:
    one, _ = site.rigs
    token = site.log_in(site.webs[0])
    one.stop()
    assert site.ask(1, token).status == 200
    one.start()
    assert site.ask(0, token).status == 200
    assert site.ends() == []


def test_the_end_of_what_a_killed_node_had_is_told_by_one_that_lives(site: Site) -> None:
    one, other = site.rigs
    token = site.log_in(site.brief[0])
    one.kill()
    until(lambda: (IDLED, site.name) in site.ends(), "it is told")
    (told,) = other.trail.of(IDLED)
    assert told["account"]["name"] == site.name
    one.start()
    for web in site.brief:
        with site.client(web, token) as client:
            assert client.ask("GET", "/home/").status == 401
    assert site.ends() == [(IDLED, site.name)]


def test_a_new_password_ends_the_other_sessions_on_every_node(site: Site) -> None:
    mine, known, unknown = (site.log_in(site.webs[0], OTHER) for _ in range(3))
    for token in (mine, known):
        assert site.ask(1, token).status == 200
    new = {"password": site.password, "new_password": "correct horse battery staple"}
    with site.client(site.webs[1], mine) as client:
        assert site.post(client, "/__mft__/password-update", new).status == 200
    for token in (known, unknown):
        assert site.ask(1, token).status == 401
        until(lambda token=token: site.ask(0, token).status == 401, "it has ended")
    assert [site.ask(node, mine).status for node in (0, 1)] == [200, 200]
    assert site.ends() == [(ENDED, OTHER), (ENDED, OTHER)]


def test_an_administrator_ends_a_session_of_all_nodes_at_one(site: Site) -> None:
    _, other = site.rigs
    token = site.log_in(site.webs[0])
    assert site.ask(1, token).status == 200
    *_, here = json.loads(other.mft("sessions", "--json").stdout)
    assert other.mft("end", here["id"]).returncode == 0
    assert site.ask(1, token).status == 401
    until(lambda: site.ask(0, token).status == 401, "it has ended")
    assert site.ends() == [(ENDED, site.name)]


def test_without_the_database_what_is_known_goes_on_and_nothing_is_lost(site: Site) -> None:
    one, other = site.rigs
    known, unknown, leaving = (site.log_in(site.webs[0]) for _ in range(3))
    for token in (known, leaving):
        assert site.ask(1, token).status == 200
    site.nodes.database.kill()
    try:
        until(lambda: one.trail.of(AWAY) and other.trail.of(AWAY), "it is away")
        assert [site.ask(node, known).status for node in (0, 1)] == [200, 200]
        assert site.ask(0, unknown).status == 200
        refused = site.ask(1, unknown)
        assert refused.status == 503
        assert int(refused.fields["retry-after"]) > 0
        fresh = site.log_in(site.webs[1])
        assert site.ask(1, fresh).status == 200
        assert site.ask(0, fresh).status == 503
        assert site.ask(1, leaving, "POST", "/__mft__/logout").status == 204
        assert site.ask(1, leaving).status == 401
    finally:
        site.nodes.database.start()
    until(lambda: one.trail.of(BACK) and other.trail.of(BACK), "it is back")
    until(lambda: site.ask(0, leaving).status == 401, "it has ended on the other as well")
    assert site.ask(1, leaving).status == 401
    until(lambda: site.ask(0, fresh).status == 200, "the other hears of the login")
    for token in (known, unknown, fresh):
        assert [site.ask(node, token).status for node in (0, 1)] == [200, 200]
    assert site.ends() == [(LOGGED_OUT, site.name)]

"""Two servers, of which one serves: the shipped example, with keepalived, on a wire of its own.

The files of conf/examples/active-passive are as they are shipped, but for addresses and folders. A
systemctl of the test's own stands for systemd, which is not there.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.accounts import CHEAP_HASH
from tests.fakes.machines import NETWORK, PATH, Machine, machines
from tests.interop.instance import MFT, execute
from tests.laws.source import ROOT
from tests.system.trail import UPLOADED, Trail

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes networks")

EXAMPLE = ROOT / "conf/examples/active-passive"
ADDRESS = f"{NETWORK}.10"  # that clients know
PORT = 10022
PATIENCE = 60.0  # seconds for a node to take over, on a busy machine
LOOK = 0.2  # seconds between two looks at a condition; most of them begin a process
SIZE = 24 << 20
DATA = os.urandom(1 << 20) * (SIZE >> 20)
SYSTEMCTL = """\
#!/bin/sh
# What mft-node asks of systemd, for one unit.
cd {top}
pid=$(cat {run}/unit 2>/dev/null)
alive() {{ [ -n "$pid" ] && grep -qs '^State:[[:space:]]*[RSD]' /proc/$pid/status; }}
started() {{ [ "$(cat state/mft.pid 2>/dev/null)" = "$pid" ]; }}
case $1 in
start)
    alive && exit 0
    setsid {python} -m mft run >>run.txt 2>&1 &
    pid=$!
    echo $pid >{run}/unit
    for i in $(seq 600); do
        alive || exit 1
        started && exit 0
        sleep 0.05
    done
    ;;
stop)
    alive || exit 0
    kill $pid
    for i in $(seq 600); do alive || exit 0; sleep 0.05; done
    ;;
is-active)
    if alive; then started && echo active || echo activating; else echo failed; fi
    ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One of the two."""

    machine: Machine
    folder: Path  # of what is its own, as the test sees it
    top: Path  # the instance, as it sees it itself
    etc: Path

    @property
    def trail(self) -> Trail:
        """What happened on it."""
        return Trail(self.folder / "mft/log/journal")

    def start(self) -> None:
        """Start what a machine starts by itself."""
        output = self.folder / "output.txt"
        self.machine.begin(
            "/usr/sbin/sshd", "-D", "-e", "-f", self.etc / "sshd_config", output=output
        )
        self.keepalived()

    def keepalived(self) -> None:
        """Start keepalived."""
        words = ("keepalived", "--dont-fork", "--log-console", "--log-detail")
        env = {"PATH": f"{self.etc}:{PATH}"}
        file, output = self.etc / "keepalived.conf", self.folder / "keepalived.txt"
        self.machine.begin(*words, "-f", file, output=output, env=env)

    def node(self, verb: str) -> "subprocess.CompletedProcess[str]":
        """Call mft-node."""
        return self.machine.run(self.etc / "mft-node", verb, env={"PATH": f"{self.etc}:{PATH}"})

    def restart_keepalived(self) -> None:
        """What `systemctl restart keepalived` does."""
        pid = self.machine.run("cat", "/run/keepalived.pid").stdout.strip()
        assert self.machine.run("kill", pid).returncode == 0
        until(lambda: self.machine.run("test", "-d", f"/proc/{pid}").returncode != 0)
        self.keepalived()

    @property
    def role(self) -> str:
        """What it is at the moment."""
        return self.machine.run("cat", "/run/mft-node/role").stdout.strip()

    @property
    def told(self) -> str:
        """What it has said, for whoever looks why a test failed."""
        names = ("output.txt", "keepalived.txt", "mft/run.txt")
        return "\n".join(
            (self.folder / name).read_text()[-3000:]
            for name in names
            if (self.folder / name).exists()
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """Both nodes, somebody who uses them, and what they share."""

    first: Node
    second: Node
    client: Machine
    folder: Path
    key: Path
    data: Path

    def serves(self, seconds: int = 1) -> bool:
        """Whether a client that connects now is greeted within so many seconds."""
        greeting = f"exec 3<>/dev/tcp/{ADDRESS}/{PORT}; head -c 4 <&3"
        done = self.client.run("timeout", str(seconds), "bash", "-c", greeting)
        return done.stdout == "SSH-"

    def sftp(self, batch: str, *options: str, account: str = "partner") -> int:
        """Run OpenSSH's sftp; gives its exit code."""
        return self._begin(batch, *options, account=account).wait(PATIENCE)

    def _begin(
        self, batch: str, *options: str, account: str = "partner"
    ) -> "subprocess.Popen[bytes]":
        file = self.folder / "batch"
        file.write_text(batch)
        known = self.folder / "known_hosts"
        given = {
            "IdentityFile": self.key,
            "UserKnownHostsFile": known,
            "StrictHostKeyChecking": "yes" if known.exists() else "accept-new",
            "BatchMode": "yes",
            "ConnectTimeout": 2,
            "ServerAliveInterval": 2,
            "ServerAliveCountMax": 2,
            "Port": PORT,
        }
        words = [f"-o{name}={value}" for name, value in given.items()]
        return self.client.begin(
            "sftp", "-q", "-F", "/dev/null", *words, *options, "-b", file,
            f"{account}@{ADDRESS}", output=self.folder / "client.txt",
        )  # fmt: skip

    def upload_by_a_client_that_tries_again(self, name: str) -> Callable[[], None]:
        """Begin to send a file; the answer waits until it has arrived, however often that takes."""
        source = self.folder / "source"
        source.write_bytes(DATA)
        begun = self._begin(f"put {source} /{name}\n", "-l", "65536")

        def finish() -> None:
            deadline = time.monotonic() + PATIENCE
            code = begun.wait(PATIENCE)
            while code != 0:
                assert time.monotonic() < deadline, (self.folder / "client.txt").read_text()[-3000:]
                code = self.sftp(f"reput {source} /{name}\n")

        until(lambda: self._arrived() > SIZE // 4)
        return finish

    def _arrived(self) -> int:
        """How much of the file that is being sent has arrived."""
        return max((path.stat().st_size for path in self.data.rglob(".mft-*")), default=0)


def until(true: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"it did not happen: {what or true}"
        time.sleep(LOOK)  # between two looks at the condition


def configured(folder: Path, top: Path, etc: Path, own: str, other: str) -> None:
    """Give a node its files: those that are shipped, with other addresses and folders."""
    etc.mkdir()
    shutil.copy(EXAMPLE / "mft-node", etc / "mft-node")
    instead = {
        "INSTANCE=/srv/mft": f"INSTANCE={top}",
        "MFT=/opt/mft/.venv/bin/mft": f"MFT={sys.prefix}/bin/mft",
        "PEER=root@192.0.2.12": f"PEER=root@{other}",
        'SSH_OPTIONS="': f'SSH_OPTIONS="-F {etc}/ssh_config ',
        "CARRY=/var/lib/mft-node": f"CARRY={top.with_name('carry')}",
    }
    (etc / "node.conf").write_text(replaced(EXAMPLE / "node.conf", instead))
    instead = {
        "/etc/mft/": f"{etc}/",
        "192.0.2.11": own,
        "192.0.2.12": other,
        "192.0.2.10": ADDRESS,
    }
    (etc / "keepalived.conf").write_text(replaced(EXAMPLE / "keepalived.conf", instead))
    (etc / "systemctl").write_text(SYSTEMCTL.format(top=top, run="/run", python=sys.executable))
    (etc / "systemctl").chmod(0o755)


def replaced(file: Path, instead: dict[str, str]) -> str:
    text = file.read_text()
    for old, new in instead.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def secured(etc: Path, key: Path, own: str) -> None:
    """Let root of the other node in by scp."""
    config = (
        f"ListenAddress {own}\nHostKey {key}\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {key}.pub\nSubsystem sftp internal-sftp\nPermitRootLogin yes\n"
    )
    (etc / "sshd_config").write_text(config)
    (etc / "ssh_config").write_text(
        f"IdentityFile {key}\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
        "LogLevel ERROR\n"
    )


def first_configuration(instance: Path, top: Path, key: Path) -> None:
    """What an administrator has made on the first node."""
    keys = instance / "conf/keys"
    keys.mkdir(parents=True)
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "ssh_host_ed25519_key")
    public = Path(f"{key}.pub").read_text().strip()
    instead = {
        "name = mft\n": "name = mft\nallow_root = yes\n",
        "enabled = No\n": f"ssh_authorized_keys_content = {public}\n",
        ";password = $2b$12$...\n": f"password = {CHEAP_HASH}\n",
        "/srv/mft/data": f"{top}/data",
    }
    (instance / "conf/server.ini").write_text(replaced(EXAMPLE / "server.ini", instead))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The first node serves, the second waits; it has got its configuration from the first.

    A test leaves them so that one of them serves, and both have the same configuration.
    """
    tmp_path = tmp_path_factory.mktemp("pair")
    top, data, key = tmp_path / "mft", tmp_path / "data", tmp_path / "key"
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    folders = [tmp_path / name for name in ("first", "second")]
    own = [folder / name for folder in folders for name in ("mft/data", "carry")]
    for folder in (top, data, tmp_path / "carry", *own):
        folder.mkdir(parents=True)
    mounts = {
        number: [
            (folder / "mft", top),
            (data, top / "data"),
            (folder / "carry", tmp_path / "carry"),
        ]
        for number, folder in zip((11, 12), folders, strict=True)
    }
    with machines(f"mft{os.getpid()}", {**mounts, 20: []}) as (one, two, client):
        nodes = []
        for machine, folder, other in ((one, folders[0], two), (two, folders[1], one)):
            etc = folder / "etc"
            configured(folder, top, etc, machine.address, other.address)
            secured(etc, key, machine.address)
            nodes.append(Node(machine, folder, top, etc))
        first_configuration(folders[0] / "mft", top, key)
        for node in nodes:
            conf = node.folder / "mft/conf"
            conf.mkdir(exist_ok=True)
            override = replaced(EXAMPLE / "server.override.ini", {"files-1": node.folder.name})
            (conf / "server.override.ini").write_text(override)
        made = Pair(*nodes, client, tmp_path, key, data)
        try:
            made.first.start()
            until(made.serves, "the first node serves")
            made.second.start()
            until(lambda: made.second.role == "backup", "the second node waits")
            until(lambda: made.first.role == "master")
            sent = made.first.node("carry")
            assert sent.returncode == 0, sent.stderr
            taken = made.second.node("carry")
            assert taken.returncode == 0, taken.stderr
            yield made
        except BaseException:
            print(made.first.told, made.second.told, sep="\n======== the second\n")
            raise


def measured(record: Callable[[str, object], None], what: str, began: float) -> None:
    """Tell how long nobody was served; what that may be is not for a test to say."""
    seconds = round(time.monotonic() - began, 1)
    record(what, seconds)
    print(f"{what}: {seconds} s")


NEWER = """
[accounts/{name}]
name = {name}
group = partners
home_folder_path = {top}/data/{name}
create_home_folder = Yes
permissions = allow-full-control
ssh_authorized_keys_content = {key}
"""


def changed_and_sent(pair: Pair, name: str) -> None:
    """Add an account on the first node; the second is sent that, and does not look at it yet."""
    ini = pair.first.folder / "mft/conf/server.ini"
    key = Path(f"{pair.key}.pub").read_text().strip()
    ini.write_text(ini.read_text() + NEWER.format(name=name, top=pair.first.top, key=key))
    sent = pair.first.node("carry")
    assert sent.returncode == 0, sent.stderr
    assert name not in (pair.second.folder / "mft/conf/server.ini").read_text()


def test_a_server_that_is_killed_is_replaced_and_comes_back_when_it_is_told_to(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    first, second = pair.first, pair.second
    changed_and_sent(pair, "colleague")
    finish = pair.upload_by_a_client_that_tries_again("large")
    began = time.monotonic()
    assert first.machine.run("bash", "-c", "kill -9 $(cat /run/unit)").returncode == 0
    until(lambda: not pair.serves(), "the first node does not serve any more")
    until(pair.serves, "the second node serves")
    measured(record_property, "without service after a kill", began)

    # The client goes on where the first node was cut off, and the newest server.ini counts.
    finish()
    assert (pair.data / "partner/large").read_bytes() == DATA
    (uploaded,) = second.trail.of(UPLOADED, path="/large")
    assert 0 < uploaded["data"]["total_write"] < SIZE
    assert pair.sftp("ls /\n", account="colleague") == 0
    until(lambda: first.role == "backup", "the first node waits")

    # Back again, because somebody wants it: what was changed meanwhile is there as well.
    ini = second.folder / "mft/conf/server.ini"
    ini.write_text(ini.read_text().replace("name = colleague", "name = friend"))
    for node in (second, first):
        carried = node.node("carry")
        assert carried.returncode == 0, carried.stderr
    began = time.monotonic()
    second.restart_keepalived()
    until(lambda: first.role == "master" and pair.serves(), "the first node serves again")
    measured(record_property, "without service while it goes back", began)
    until(lambda: second.role == "backup", "the second node waits again")
    assert pair.sftp("ls /\n", account="friend") == 0
    assert pair.sftp("get /large /dev/null\n") == 0
    for node in (first, second):
        verified = node.machine.run(*MFT, "audit", "verify", "-c", node.top / "conf/server.ini")
        assert verified.returncode == 0, verified.stderr
    # Each has its own name in the trail.
    assert [one["component"]["uuid"] for one in first.trail.told][:1] == ["first"]
    assert [one["component"]["uuid"] for one in second.trail.told][:1] == ["second"]


def test_a_machine_that_is_gone_is_replaced(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    """Its cable is pulled and all of it ends at once: nobody is told anything."""
    changed_and_sent(pair, "newcomer")
    finish = pair.upload_by_a_client_that_tries_again("huge")
    began = time.monotonic()
    pair.first.machine.unplug()
    pair.first.machine.kill()
    until(pair.serves, "the second node serves")
    measured(record_property, "without service after a machine is gone", began)
    finish()
    assert (pair.data / "partner/huge").read_bytes() == DATA
    (uploaded,) = pair.second.trail.of(UPLOADED, path="/huge")
    assert 0 < uploaded["data"]["total_write"] < SIZE
    assert pair.sftp("ls /\n", account="newcomer") == 0

    # The machine comes back, and takes nothing away from the other.
    pair.first.machine.start()
    pair.first.machine.plug()
    pair.first.start()
    until(lambda: pair.first.role == "backup", "the first node waits")
    assert pair.second.role == "master"
    assert pair.serves(5)


def test_the_units_carry_by_the_script_and_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    script = tmp_path / "mft-node"
    shutil.copy(EXAMPLE / "mft-node", script)
    instead = {"/etc/mft/mft-node": str(script)}
    service, timer = tmp_path / "mft-carry.service", tmp_path / "mft-carry.timer"
    service.write_text(replaced(EXAMPLE / service.name, instead))
    shutil.copy(EXAMPLE / timer.name, timer)
    assert f"\nExecStart={script} carry\n" in service.read_text()
    done = subprocess.run(
        ["systemd-analyze", "verify", timer, service], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

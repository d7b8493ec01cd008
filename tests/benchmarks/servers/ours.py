"""Our own server, made by `mft init` and started by `mft run`, as an administrator would."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from mft.auth.passwords import PasswordHash, make_hash
from tests.benchmarks.processes import Child, ChildError
from tests.benchmarks.servers.base import (
    ANY,
    CHACHA,
    CTR,
    FTP,
    GCM,
    SSH,
    START_SECONDS,
    Address,
    Counted,
    Tools,
    wait_for_banner,
)
from tests.interop.ports import free_base

OFFSETS = (21, 22, 43, 80, 90)  # FTP, SSH, HTTPS, HTTP and implicit FTPS, as `mft init` counts
CHEAPEST = (
    "pbkdf2-sha256",
    1000,
)  # the scheme and cost that mft takes and that is computed fastest
GREETINGS = {"ssh": SSH, "ftp": FTP, "http": ANY}
# In clear as well, for comparison: mft does not unless it is told.
CLEAR = {
    "ftp": {
        "ftps_force_secured_command_channel": "no",
        "ftps_force_secured_authentication": "no",
        "ftps_force_secured_data_channel": "no",
    },
    "http": {"enabled": "yes"},
}

Settings = Mapping[str, Mapping[str, str]]  # kind of section -> option -> value


class Ours(Counted):
    """mft as installed: journal, permissions and limits on, uploads durable unless changed."""

    name = "mft"
    title = "mft"
    ciphers = frozenset({GCM, CHACHA, CTR})
    mlsd = True

    def __init__(
        self,
        tools: Tools,
        name: str = "mft",
        settings: Settings | None = None,
        python: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        module: str = "mft",
        service: str = "ssh",
        more: str = "",
    ) -> None:
        """`settings` are put into sections that are there, `more` are sections of their own."""
        super().__init__(tools)
        self.name = name
        self._settings = settings or {}
        self._python = python
        self._env = env
        self._module = module
        self._service = service
        self._more = more
        self._argv: list[str] = []
        self._digest = PasswordHash.parse(make_hash(tools.credentials.password, *CHEAPEST))

    def start(self, workdir: Path) -> Address:
        made = self._init(workdir)
        self.home = Path(made["home"])
        self.home.mkdir(parents=True, exist_ok=True)
        owner = self.home.stat()
        self.tools.space.offer(self.home, (owner.st_uid, owner.st_gid))
        config = Path(made["config"])
        text = config.read_text()
        if self._service in CLEAR:
            text = doubled(text, self.tools.credentials.cheap, self._digest.text)
            text = edit(text, f"services/{self._service}", CLEAR[self._service])
        for kind, options in self._settings.items():
            text = edit(text, kind, options)
        config.write_text(text + self._more)
        address = self._address(made)
        self._argv = [sys.executable, *self._python, "-m", self._module, "run", "-c", str(config)]
        wait_for_banner(self.again(), address.port, GREETINGS[self._service])
        return address

    def again(self) -> Child:
        """Start its process, also one that was stopped before; returns at once."""
        return self.launch(self._argv, env=self._env)

    def cheapest_hash(self) -> None:
        self._digest.matches(self.tools.credentials.password)

    def _address(self, made: dict) -> Address:
        ports = {service["type"]: service["port"] for service in made["services"]}
        if self._service not in ports:
            raise ChildError(f"mft init made no service of the type {self._service}")
        address = Address(ports[self._service], made["account"])
        if self._service != "http":
            return address
        return address._replace(secure=ports["https"], base="home/", locked="home/")

    def _init(self, workdir: Path) -> dict:
        credentials = self.tools.credentials
        workdir.mkdir(parents=True)
        secret = workdir / "password"
        secret.touch(0o600)
        secret.write_text(credentials.password + "\n")
        argv = [sys.executable, "-m", "mft", "init", str(workdir / "instance"), "--json"]
        argv += ["--port-base", str(free_base(*OFFSETS)), "--account", credentials.user]
        argv += ["--authorized-key", str(credentials.public_key), "--password-file", str(secret)]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode != 0:
            raise ChildError(f"mft init ended with {done.returncode}\n{done.stderr[-1500:]}")
        return json.loads(done.stdout)


def edit(text: str, kind: str, options: Mapping[str, str]) -> str:
    """server.ini with these options in every [kind/...] section, in place of its own.

    kind may be a whole name, such as services/ftp.
    """
    result: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = f"{line.strip('[] ')}/".startswith(f"{kind}/")
            result.append(line)
            if inside:
                result += [f"{name} = {value}" for name, value in options.items()]
        elif not (inside and re.split(r"[=:]", line)[0].strip() in options):
            result.append(line)
    return "\n".join(result) + "\n"


def doubled(text: str, name: str, digest: str) -> str:
    """server.ini with a copy of its account, of this name and password."""
    section = re.search(r"^\[accounts/[^]]*\]\n(?:(?!\[).*\n?)*", text, re.MULTILINE)
    if section is None:
        raise ChildError("mft init made no account")
    own = re.sub(r"\A\[.*\]", f"[accounts/{uuid.uuid4()}]", section[0])
    for option, value in (("name", name), ("password", digest)):
        own = re.sub(
            rf"^{option} *=.*$", lambda _, o=option, v=value: f"{o} = {v}", own, flags=re.M
        )
    return f"{text.rstrip()}\n\n{own}"

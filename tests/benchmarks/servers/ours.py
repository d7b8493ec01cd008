"""Our own server, made by `mft init` and started by `mft run`, as an administrator would."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import (
    CHACHA,
    CTR,
    GCM,
    HOST,
    START_SECONDS,
    Address,
    Counted,
    Tools,
    wait_for_banner,
)

SSH_OFFSET = 22
BASES = range(20_000, 32_000, 200)  # below the range that Linux gives to outgoing connections

Settings = Mapping[str, Mapping[str, str]]  # kind of section -> option -> value


class Ours(Counted):
    """mft as installed: journal, permissions and limits on, uploads durable unless changed."""

    name = "mft"
    title = "mft"
    ciphers = frozenset({GCM, CHACHA, CTR})
    scp = True

    def __init__(
        self,
        tools: Tools,
        name: str = "mft",
        settings: Settings | None = None,
        python: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        module: str = "mft",
    ) -> None:
        super().__init__(tools)
        self.name = name
        self._settings = settings or {}
        self._python = python
        self._env = env
        self._module = module

    def start(self, workdir: Path) -> Address:
        made = self._init(workdir)
        self.home = Path(made["home"])
        self.home.mkdir(parents=True, exist_ok=True)
        owner = self.home.stat()
        self.tools.space.offer(self.home, (owner.st_uid, owner.st_gid))
        config = Path(made["config"])
        text = config.read_text()
        for kind, options in self._settings.items():
            text = edit(text, kind, options)
        config.write_text(text)
        port = next(s["port"] for s in made["services"] if s["type"] == "ssh" and s["enabled"])
        argv = [sys.executable, *self._python, "-m", self._module, "run", "-c", str(config)]
        wait_for_banner(self.launch(argv, env=self._env), port)
        return Address(port, made["account"])

    def _init(self, workdir: Path) -> dict:
        credentials = self.tools.credentials
        workdir.mkdir(parents=True)
        secret = workdir / "password"
        secret.touch(0o600)
        secret.write_text(credentials.password + "\n")
        argv = [sys.executable, "-m", "mft", "init", str(workdir / "instance"), "--json"]
        argv += ["--port-base", str(free_base()), "--account", credentials.user]
        argv += ["--authorized-key", str(credentials.public_key), "--password-file", str(secret)]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode != 0:
            raise ChildError(f"mft init ended with {done.returncode}\n{done.stderr[-1500:]}")
        return json.loads(done.stdout)


def edit(text: str, kind: str, options: Mapping[str, str]) -> str:
    """server.ini with these options in every [kind/...] section, in place of its own."""
    result: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip("[] \t").split("/")[0] == kind
            result.append(line)
            if inside:
                result += [f"{name} = {value}" for name, value in options.items()]
        elif not (inside and re.split(r"[=:]", line)[0].strip() in options):
            result.append(line)
    return "\n".join(result) + "\n"


def free_base() -> int:
    """A port base whose SSH port nothing uses now."""
    for base in BASES:
        with socket.socket() as probe:
            try:
                probe.bind((HOST, base + SSH_OFFSET))
            except OSError:
                continue
            return base
    raise ChildError("no free port base")

"""Imports fall: a room uses rooms of lower levels only, and pure rooms know no Twisted."""

import sys

from tests.laws.source import ROOT, for_each, modules

LEVELS = {
    "core": 0,
    "wire": 1,
    "config": 1,
    "runtime": 2,
    "events": 2,
    "trust": 2,
    "vfs": 3,
    "auth": 3,
    "inspection": 3,
    "session": 4,
    "remote": 4,
    "resources": 4,
    "protocols": 5,
    "handlers": 5,
    "transfers": 5,
    "daemon": 6,
    "cli": 7,
}

# What levels alone do not say: a room, and what it must never import.
NEVER = (
    ("mft.protocols", "mft.vfs"),  # files are reached through a session only
    ("mft.session", "mft.wire"),  # a session knows no protocol's bytes
    ("mft.vfs", "mft.events"),  # storage has no opinions
    ("mft.remote", "mft.auth"),
    ("mft.inspection", "mft.vfs"),  # it reads what it is given, and opens nothing by itself
    ("mft.protocols.ssh", "mft.protocols.ftp"),
    ("mft.protocols.ssh", "mft.protocols.http"),
    ("mft.protocols.ftp", "mft.protocols.ssh"),
    ("mft.protocols.ftp", "mft.protocols.http"),
    ("mft.protocols.http", "mft.protocols.ftp"),
    ("mft.protocols.http", "mft.protocols.ssh"),
)

# The rooms of the daemon, and which of the others each may import.
INSIDE: dict[str, frozenset[str]] = {
    "state": frozenset(),
    "checks": frozenset(),
    "cluster": frozenset({"state"}),
    "archives": frozenset({"state"}),
}

# Types that name what a lower room hands up through a session: interfaces, no way to a file.
ALLOWED = {"mft.vfs.base"}

NO_TWISTED = {"core", "wire", "config", "events", "trust", "vfs", "session"}
ONLY_STDLIB = {"core"}
CRYPTOGRAPHY_IN = "mft.wire.ssh"  # the one part of `wire` that imports more than stdlib and core

MAX_LINES = 400
TABLES = {
    "mft.events.catalogue": "one row for each event",
    "mft.events.payloads": "one class for each shape of an event's data, declarations only",
}

MODULES = for_each(modules)


def room_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "mft" and parts[1:] and parts[1] != "__version__" else ""


def part_of_daemon(name: str) -> str:
    """The room of the daemon that a module is in; empty for those that are in none."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["mft", "daemon"] and parts[2:] else ""


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_every_room_has_a_level():
    rooms = {path.name for path in (ROOT / "mft").iterdir() if (path / "__init__.py").is_file()}
    assert rooms <= LEVELS.keys()


@MODULES
def test_imports_fall(module):
    if not module.room:
        return
    for name in module.imports():
        room = room_of(name)
        if room and room != module.room:
            assert LEVELS[room] < LEVELS[module.room], f"{module.name} imports {name}"


@MODULES
def test_what_must_never_be_imported_is_not(module):
    for package, forbidden in NEVER:
        if within(module.name, package):
            bad = [
                name
                for name in module.imports()
                if within(name, forbidden) and not any(within(name, one) for one in ALLOWED)
            ]
            assert not bad, f"{module.name} imports {bad}"


def test_every_room_of_the_daemon_is_listed():
    daemon = ROOT / "mft" / "daemon"
    assert {path.parent.name for path in daemon.glob("*/__init__.py")} == INSIDE.keys()


@MODULES
def test_the_rooms_of_the_daemon_know_those_below_them(module):
    room = part_of_daemon(module.name)
    if room in INSIDE:
        others = {part_of_daemon(name) for name in module.imports()} & INSIDE.keys()
        assert others <= INSIDE[room] | {room}, f"{module.name} imports {others}"


@MODULES
def test_what_a_server_keeps_knows_nothing_of_its_life(module):
    if part_of_daemon(module.name) == "state":
        bad = [
            name
            for name in module.imports()
            if within(name, "mft.daemon") and not within(name, "mft.daemon.state")
        ]
        assert not bad, f"{module.name} imports {bad}"


@MODULES
def test_pure_rooms_know_no_twisted(module):
    if module.room in NO_TWISTED:
        bad = [name for name in module.imports() if name.split(".")[0] in ("twisted", "zope")]
        assert not bad, f"{module.name} imports {bad}"


@MODULES
def test_the_lowest_rooms_import_the_standard_library_only(module):
    if module.room not in ("core", "wire"):
        return
    tops = {name.split(".")[0] for name in module.imports()} - {"mft"}
    outside = {top for top in tops if top not in sys.stdlib_module_names}
    allowed = {"cryptography"} if within(module.name, CRYPTOGRAPHY_IN) else set()
    assert outside <= allowed, f"{module.name} imports {outside}"


@MODULES
def test_only_one_file_imports_the_reactor(module):
    if module.name != "mft.runtime.reactor":
        assert "twisted.internet.reactor" not in module.imports()


@MODULES
def test_files_fit_in_the_head(module):
    assert module.lines <= MAX_LINES or module.name in TABLES, f"{module.lines} lines"


def test_most_files_are_short():
    lines = sorted(module.lines for module in modules() if module.path.name != "__init__.py")
    assert lines[len(lines) // 2] < 200


def test_the_tables_exist():
    assert TABLES.keys() <= {module.name for module in modules()}

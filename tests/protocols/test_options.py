"""What every service that listens has."""

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.section import read_section
from mft.protocols.options import IDLE_TIMEOUT, ServiceOptions


def service(tmp_path, more=""):
    problems = []
    text = f"[services/a]\ntype = x\nname = a\nport = 10022\n{more}"
    raw = parse(text.encode(), "server.ini", problems)["services/a"]
    options = read_section(ServiceOptions, raw, Context(tmp_path), problems)
    assert not problems
    return options


def test_a_service_listens_on_this_machine_only_unless_told(tmp_path):
    assert service(tmp_path).address == "127.0.0.1"


@pytest.mark.parametrize("text", ["0", "-1", "-5m"])
def test_the_idle_timeout_cannot_be_switched_off(tmp_path, text):
    options = service(tmp_path, f"idle_connection_timeout = {text}\n")
    assert options.idle_connection_timeout == IDLE_TIMEOUT


def test_the_idle_timeout_may_be_as_long_as_a_day(tmp_path):
    options = service(tmp_path, "idle_connection_timeout = 1d\n")
    assert options.idle_connection_timeout == 86400

"""What every service that listens has."""

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.section import check_section, read_section
from mft.protocols.options import IDLE_TIMEOUT, ServiceOptions
from mft.protocols.registry import PROTOCOLS
from mft.runtime.preface import NO_PROXIES


def reading(tmp_path, more="", model=ServiceOptions, kind="x"):
    """The options and every problem of a service."""
    problems = []
    text = f"[services/a]\ntype = {kind}\nname = a\nport = 10022\n{more}"
    raw = parse(text.encode(), "server.ini", problems)["services/a"]
    options = read_section(model, raw, Context(tmp_path), problems)
    if options is not None:
        check_section(options, raw, Context(tmp_path), problems)
    return options, problems


def service(tmp_path, more=""):
    options, problems = reading(tmp_path, more)
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


def test_no_proxy_is_believed_unless_that_is_asked_for(tmp_path):
    options = service(tmp_path, "trusted_proxies = 10.0.0.0/8\n")
    assert options.proxies is NO_PROXIES
    assert not options.proxies.tell("10.0.0.2")
    assert options.direct_connections


@pytest.mark.parametrize(
    ("text", "versions"), [("v1", {1}), ("V2", {2}), ("any", {1, 2}), ("No", set())]
)
def test_which_headers_are_wanted(tmp_path, text, versions):
    options = service(tmp_path, f"proxy_protocol = {text}\n")
    assert options.proxies.versions == versions
    assert options.proxies.tell("127.0.0.1") is bool(versions)
    assert not options.proxies.tell("192.0.2.7")


def test_there_is_no_guessing(tmp_path):
    (problem,) = reading(tmp_path, "proxy_protocol = auto\n")[1]
    assert str(problem).endswith('proxy_protocol = "auto" is not one of: no, v1, v2, any')


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_headers_that_nobody_is_believed_are_told_for_every_type(tmp_path, kind):
    more = "proxy_protocol = v2\ntrusted_proxies =\nredirect_url = https://a.example/\n"
    model = PROTOCOLS[kind].options
    if kind != "http-redirect":
        more = more.partition("redirect_url")[0]
    (problem,) = reading(tmp_path, more, model, kind)[1]
    assert problem.option == "trusted_proxies"
    assert problem.is_error
    assert str(problem).endswith("is empty, so that no PROXY header is believed")


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_believing_everybody_is_worth_a_warning(tmp_path, network):
    more = f"proxy_protocol = any\ntrusted_proxies = 10.0.0.0/8, {network}\n"
    options, (problem,) = reading(tmp_path, more)
    assert not problem.is_error
    assert "believes everybody" in str(problem)
    assert options.proxies.tell("10.0.0.1")
    assert service(tmp_path, f"trusted_proxies = {network}\n")

"""PAM is asked whether a password is right and the account may be used, and nothing else."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.auth import pam
from mft.auth.pam import Answer, Reply, ask
from mft.core.secret import Secret
from tests.fakes.pam import asks, stack, system_account

UNIX = ("auth required pam_unix.so nullok", "account required pam_unix.so")


def asked(service: str, name: str, word: str, host: str = "192.0.2.7") -> Reply:
    return ask(service, name, Secret(word), host)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stack that takes `ann` with the password `right`."""
    with stack(*asks(tmp_path_factory.mktemp("pam") / "check")) as name:
        yield name


def test_the_right_password_is_right_and_no_other_is(service: str) -> None:
    assert asked(service, "ann", "right") == Reply(Answer.RIGHT)
    for name, word in (("ann", "wrong"), ("eve", "right"), ("ann", "right "), ("ann", "rightx")):
        reply = asked(service, name, word)
        assert reply.answer is Answer.WRONG
        assert reply.why.startswith("PAM says: ")


def test_what_pam_would_cut_is_refused_and_never_asked(service: str) -> None:
    for name, word in (("ann", "right\0more"), ("ann\0eve", "right"), ("ann", ""), ("", "right")):
        assert asked(service, name, word).answer is Answer.WRONG
    for word in ("é" * 256, "\udc80"):
        assert asked(service, "ann", word).answer is Answer.WRONG


def test_a_stack_that_is_not_there_is_not_the_one_for_others() -> None:
    permits = ("auth required pam_permit.so", "account required pam_permit.so")
    with stack(*permits) as name:
        assert asked(name, "ann", "right") == Reply(Answer.RIGHT)
        pam.stack_of(name).rename(pam.stack_of("other"))
        reply = asked(name, "ann", "right")
        assert reply == Reply(Answer.BROKEN, f"there is no {pam.stack_of(name)}")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("auth required pam_of_nobody.so", "account required pam_permit.so"),
        ("auth required pam_permit.so", "account required pam_of_nobody.so"),
        ("auth required pam_debug.so auth=authinfo_unavail", "account required pam_permit.so"),
    ],
    ids=["an empty file", "a missing module", "a missing module for accounts", "no back end"],
)
def test_a_stack_that_does_not_work_lets_nobody_in_and_is_broken(lines: tuple[str, ...]) -> None:
    with stack(*lines) as name:
        assert asked(name, "ann", "right").answer is not Answer.RIGHT
        if lines:
            assert asked(name, "ann", "right").answer is Answer.BROKEN


@pytest.mark.parametrize(
    "code", ["acct_expired", "new_authtok_reqd", "perm_denied", "auth_err", "user_unknown"]
)
def test_an_account_that_may_not_be_used_is_refused_with_the_right_password(code: str) -> None:
    with stack("auth required pam_permit.so", f"account required pam_debug.so acct={code}") as name:
        reply = asked(name, "ann", "right")
        assert reply.answer is Answer.WRONG
        assert "right" not in reply.why


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts of the machine")
def test_accounts_of_the_machine_log_in_while_they_may() -> None:
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "right"], check=True, capture_output=True, text=True
    ).stdout.strip()
    with stack(*UNIX) as service, system_account("--password", hashed) as name:
        assert asked(service, name, "right") == Reply(Answer.RIGHT)
        assert asked(service, name, "wrong").answer is Answer.WRONG
        for options in (["--expiredate", "1"], ["--expiredate", "", "--lock"]):
            subprocess.run(["usermod", *options, name], check=True)
            assert asked(service, name, "right").answer is Answer.WRONG


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts of the machine")
def test_an_account_without_a_password_is_not_open_to_everybody() -> None:
    with stack(*UNIX) as service, system_account("--password", "") as name:
        assert asked(service, name, "anything").answer is Answer.WRONG


def test_the_delay_that_pam_asks_for_holds_no_thread() -> None:
    lines = ("auth optional pam_faildelay.so delay=20000000", "auth required pam_deny.so")
    with stack(*lines) as service:
        began = time.monotonic()
        assert asked(service, "ann", "wrong").answer is Answer.WRONG
        assert time.monotonic() - began < 10


def test_modules_are_told_from_where_the_user_comes(tmp_path: Path) -> None:
    script = f'#!/bin/sh\necho "$PAM_RHOST $PAM_TTY $PAM_SERVICE" > {tmp_path}/told\n'
    with stack(*asks(tmp_path / "tell", script)) as service:
        assert asked(service, "ann", "right", "2001:db8::7").answer is Answer.RIGHT
        assert (tmp_path / "told").read_text() == f"2001:db8::7 mft {service}\n"


def test_nothing_of_this_process_changes() -> None:
    lines = ("auth required pam_permit.so", "auth optional pam_group.so")
    before = (os.getgroups(), os.getuid(), os.environ.copy())
    with stack(*lines, "account required pam_permit.so") as service:
        assert asked(service, "ann", "right").answer is Answer.RIGHT
    assert (os.getgroups(), os.getuid(), os.environ.copy()) == before


def test_another_account_that_a_module_puts_in_its_place_is_not_the_one_asked_about() -> None:
    assert pam._same("root", "ann").answer is Answer.WRONG
    assert pam._same(None, "ann").answer is Answer.WRONG


def test_without_libpam_nobody_logs_in(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(pam, "import_module", missing)
    reply = asked(service, "ann", "right")
    assert reply == Reply(Answer.BROKEN, "PAM cannot be used: ImportError")


def test_without_a_password_only_the_account_is_asked_about(tmp_path: Path) -> None:
    auth, *rest, _ = asks(tmp_path / "check", "#!/bin/sh\nexit 1\n")
    for account, answer in (("pam_permit.so", Answer.RIGHT), ("pam_deny.so", Answer.WRONG)):
        with stack(auth, *rest, f"account required {account}") as name:
            assert ask(name, "ann", None, "192.0.2.7").answer is answer
            assert asked(name, "ann", "right").answer is Answer.WRONG
    assert ask("mft-of-nobody", "ann", None, "192.0.2.7").answer is Answer.BROKEN


def test_an_account_that_expired_is_found_out_without_its_password() -> None:
    with stack(*UNIX) as service, system_account("--expiredate", "2001-01-01") as name:
        assert ask(service, name, None, "192.0.2.7").answer is Answer.WRONG
    with stack(*UNIX) as service, system_account() as name:
        assert ask(service, name, None, "192.0.2.7").answer is Answer.RIGHT

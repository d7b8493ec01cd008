"""`mft password` prints a hash that verifies, and never the password."""

import os
import pty
import re
import subprocess
import sys
import termios

import pytest
from click.testing import CliRunner

from mft.auth.passwords import SCHEMES, PasswordHash
from mft.cli.password import password

PREFIXES = {
    "bcrypt": "$2b$",
    "crypt-sha256": "$5$",
    "crypt-sha512": "$6$",
    "pbkdf2-sha256": "$pbkdf2-sha256$",
    "pbkdf2-sha512": "$pbkdf2-sha512$",
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_line_of_input_becomes_a_hash_that_verifies(scheme):
    result = CliRunner().invoke(password, ["--scheme", scheme], input="Tr0ub4dor&3\nrest\n")
    assert result.exit_code == 0, result.output
    text = result.output.strip()
    assert text.startswith(PREFIXES[scheme])
    assert "Tr0ub4dor" not in text
    assert PasswordHash.parse(text).matches("Tr0ub4dor&3")
    assert not PasswordHash.parse(text).matches("Tr0ub4dor&3 ")


@pytest.mark.parametrize("line", ["", "\n", "x" * 151, "a\tb\n"])
def test_a_password_that_nobody_could_use_is_refused(line):
    result = CliRunner().invoke(password, input=line)
    assert result.exit_code == 1
    assert "$2b$" not in result.output


def test_a_password_too_long_for_bcrypt_is_refused_not_cut():
    result = CliRunner().invoke(password, input="x" * 100)
    assert result.exit_code == 1
    assert "bcrypt" in result.output


QUESTION = re.compile(rb"(Password|confirmation):")


def wait_until_asked(master, process, output, questions):
    """Read up to the question, then until echo is off: what is typed before is thrown away."""
    while len(QUESTION.findall(output)) < questions:
        byte = process.stdout.read(1)
        assert byte, output
        output += byte
    while termios.tcgetattr(master)[3] & termios.ECHO:
        assert process.poll() is None
        os.sched_yield()
    return output


def on_a_terminal(*answers):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mft", "password", "--scheme", "crypt-sha256"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(slave)
    with process:
        output = b""
        for number, answer in enumerate(answers, 1):
            output = wait_until_asked(master, process, output, number)
            os.write(master, f"{answer}\n".encode())
        output += process.stdout.read()
        process.wait(timeout=60)
    os.close(master)
    return process.returncode, output.decode()


def test_a_terminal_is_asked_twice_without_echo():
    code, output = on_a_terminal("swordfish", "swordfish")
    assert code == 0
    assert "$5$" in output
    assert "swordfish" not in output


def test_two_different_answers_are_asked_again():
    code, output = on_a_terminal("swordfish", "other", "correct", "correct")
    assert code == 0
    assert "do not match" in output

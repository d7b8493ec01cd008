"""The description of the HTTP API, and what the server does: schemathesis asks all it allows."""

import sys
from pathlib import Path

import pytest

from tests.interop.instance import execute
from tests.interop.web import Web
from tests.laws.source import ROOT

pytestmark = pytest.mark.interop

DESCRIPTION = ROOT / "docs" / "reference" / "http-api.yaml"
EXAMPLES = "12"  # requests of each kind for each operation
# What is asked of every answer. Left out is what a description cannot say: that a name is not one
# of the folder, or that there is no web session to end. A law compares the methods.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


def test_every_answer_is_one_that_the_description_has(
    web_services: dict[str, Web], tmp_path: Path
) -> None:
    web = web_services["auto http"]
    execute(
        *(sys.executable, "-m", "schemathesis.cli", "run", DESCRIPTION),
        *("--url", web.url(""), "--auth", f"{web.server.account}:{web.server.password}"),
        *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--seed", "1"),
        *("--phases", "examples,coverage,fuzzing", "--generation-database", "none"),
        *("--exclude-operation-id", "continueUpload"),  # a body of a type that it cannot write
        *("--no-color", "--suppress-health-check", "all"),
        cwd=tmp_path,  # it leaves notes of its own there
    )

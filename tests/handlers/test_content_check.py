"""`content-check` after an event: 20044 for each description, and 20194 for the digest."""

from pathlib import Path
from typing import Any

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events.model import Occurrence
from mft.handlers.registry import HANDLERS
from tests.fakes.handlers import house
from tests.fakes.occurrences import ALICE
from tests.fakes.run import run

KIND = HANDLERS["content-check"]


def test_lines_and_the_digest_of_the_file_of_an_event(tmp_path: Path) -> None:
    home = house(tmp_path)
    options: Any = KIND.options.model_validate(
        {
            "name": "check",
            "type": "content-check",
            "line_search": "*confidential*, marked confidential\nm/^\\d+$/, a number",
            "digest_format": "bsd",
            "digest_algorithm": "md5",
        }
    )
    handler = KIND.build(Component("c-1", "content-check", "check"), options, home.around)
    run(handler.start())
    (tmp_path / "a").write_text("Confidential\n12\n13\n")
    told = {"path": "/in/a", "real_path": str(tmp_path / "a")}
    run(handler.handle_many([Occurrence(1, 1e9, events.SSH_UPLOAD_DONE, told, ALICE)]))
    assert home.numbers() == [20044, 20044, 20194]
    first, second, digest = home.journal.read()
    assert first.data["rule_details"] == "marked confidential"
    assert second.data == {
        "path": "/in/a",
        "real_path": str(tmp_path / "a"),
        "rule_details": "a number",
    }
    assert digest.data["output"].startswith("MD5 (a) = ")
    home.journal.close()

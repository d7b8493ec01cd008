"""`digital-signature-validation` after an event: 20173 or 20177."""

from pathlib import Path
from typing import Any

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events.model import Occurrence
from mft.handlers.registry import HANDLERS
from tests.fakes.handlers import house
from tests.fakes.occurrences import ALICE
from tests.fakes.pki import Authority
from tests.fakes.run import run
from tests.fakes.signing import signed, signer, written

KIND = HANDLERS["digital-signature-validation"]


def test_a_file_of_an_event_is_valid_or_not(tmp_path: Path) -> None:
    certificate = written(tmp_path / "signer.pem", signer(Authority()).certificate)
    home = house(tmp_path)
    options: Any = KIND.options.model_validate(
        {
            "name": "signed",
            "type": "digital-signature-validation",
            "target": "30068",
            "signer_certificate_path": str(certificate),
            "ssl_certificate_revocation_list": "",
        }
    )
    component = Component("signed-1", "digital-signature-validation", "signed")
    handler = KIND.build(component, options, home.around)
    run(handler.start())
    for name, data in (("good", signed(b"a,b,c")), ("bad", signed(b"a,b,c")[1:])):
        (tmp_path / name).write_bytes(data)
        told = {"path": f"/{name}", "real_path": str(tmp_path / name)}
        occurrence = Occurrence(1, 1e9, events.SSH_UPLOAD_DONE, told, ALICE)
        run(handler.handle_many([occurrence]))
    assert home.numbers() == [20173, 20177]
    assert [one.data["path"] for one in home.journal.read()] == ["/good", "/bad"]
    home.journal.close()

from pathlib import Path

import pytest

from mft.handlers.base import HandlerOptions
from mft.handlers.registry import HANDLERS
from tests.fakes.handlers import LOG, house

# What a type cannot be without.
NEEDED = {
    "http": {"url": "http://127.0.0.1:9/"},
    "file-dispatcher": {"dispatch_rules": "move, *.pdf, /srv/outbox"},
    "external-executable": {"executable_path": "/bin/true"},
    "transfer": {"transfers": ("T-1",)},
    "inspection-program": {"executable_path": Path("/bin/true")},
    "digital-signature-validation": {"signer_certificate_path": (Path("signer.pem"),)},
}


@pytest.mark.parametrize("name", HANDLERS)
def test_a_type_builds_a_handler_of_its_options(tmp_path, name):
    home = house(tmp_path)
    kind = HANDLERS[name]
    assert issubclass(kind.options, HandlerOptions)
    options = kind.options(name="one", type=name, **NEEDED.get(name, {}))
    handler = kind.build(LOG, options, home.around)
    assert handler.component == LOG
    assert handler.batch > 0
    home.journal.close()

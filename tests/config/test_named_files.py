"""What a value names: paths and programs that are carried, and nothing of what is data."""

from pathlib import Path

import pytest

from mft.config.named_files import as_arguments, as_data, as_paths, as_program
from mft.core.secret import Secret

KEY = Path("/srv/key")


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (KEY, (KEY,)),
        ((KEY, Path("/srv/other")), (KEY, Path("/srv/other"))),
        ((KEY, "http://pki.example.com/list", Secret("pem")), (KEY,)),
        (Secret("-----BEGIN"), ()),
        ((), ()),
    ],
)
def test_only_paths_are_files(value: object, paths: tuple[Path, ...]) -> None:
    assert tuple(as_paths(value)) == paths


def test_data_is_nobodys_configuration() -> None:
    assert tuple(as_data(KEY)) == ()


def test_a_program_is_named_also_where_it_is_missing_and_with_it_files_among_its_arguments(
    tmp_path: Path,
) -> None:
    script = tmp_path / "scan.py"
    script.write_text("pass")
    words = ("/opt/missing", "--fast", str(script), str(tmp_path), "scan.py", "/no/such", "/a\0b")
    assert tuple(as_program(words)) == (Path("/opt/missing"), script)
    assert tuple(as_arguments(words)) == (script,)


@pytest.mark.parametrize("words", [(), ("",), ("{program}", "/x"), ("/usr/bin/{name}",)])
def test_a_program_that_only_an_event_tells_is_none(words: tuple[str, ...]) -> None:
    assert tuple(as_program(words)) == ()

"""Every option that names files says which of them go to another node, and which are data."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from mft.config.kinds import Kind, kinds_of
from mft.config.named_files import as_data
from mft.config.section import Section
from mft.daemon.sections import FAMILIES

SOUNDS_LIKE_FILES = re.compile(
    r"file|folder|path|program|script(?!ion)|certificate|key|template|dictionar|url", re.I
)
NO_PATH = {"Yes or No", "duration", "size", "whole number", "number of files", "secret"}
# Options that only sound so: what they are.
NO_FILES = {
    "batch_marker_path": "names that are looked for",
    "destination_path_actions": "what files are called at a location",
    "home_folder_attribute": "of a directory's entries; homes are data",
    "home_folder_structure": "folders that are made in new homes",
    "keyboard_interactive_message": "words for people",
    "redirect_url": "where others are",
    "response_file_name": "a name at this side, in a folder of data",
    "ssh_authorized_keys_content": "the keys themselves",
    "ssh_public_keys_attribute": "of a directory's entries",
    "url": "where others are, or a socket",
}


def every_option() -> Iterator[tuple[str, type[Section], str, FieldInfo]]:
    for family in FAMILIES:
        for kind, model in family.types.items():
            for name, field in model.model_fields.items():
                yield f"{family.name} {kind} {name}", model, name, field


def holds_paths(annotation: Any) -> bool:
    return annotation is Path or any(holds_paths(one) for one in get_args(annotation))


def unclassified() -> Iterator[str]:
    for title, _, name, field in every_option():
        kinds = kinds_of(field.metadata, field.annotation)
        if any(kind.files is not None for kind in kinds):
            continue
        paths = any(kind.name not in NO_PATH for kind in kinds)
        sounds = SOUNDS_LIKE_FILES.search(name) and paths and name not in NO_FILES
        if holds_paths(field.annotation) or sounds:
            yield f"{title}: {[kind.name for kind in kinds]}"


def test_every_option_that_names_files_says_what_they_are() -> None:
    assert list(unclassified()) == []


def test_every_exception_is_still_needed() -> None:
    assert NO_FILES.keys() <= {name for _, _, name, _ in every_option()}


def test_what_every_server_needs_is_among_them() -> None:
    """The law above could be kept by saying of everything that it is data."""
    carried = {
        f"{title.split()[0]} {name}"
        for title, _, name, field in every_option()
        for kind in kinds_of(field.metadata, field.annotation)
        if _carries(kind)
    }
    assert carried == {
        "accounts ssh_authorized_keys_path",
        "authentications path",
        "authentications ssl_certificate_authority",
        "event-handlers dictionary_files",
        "event-handlers dispatch_rules",
        "event-handlers executable_arguments",
        "event-handlers executable_path",
        "event-handlers fallback_rule",
        "event-handlers signer_certificate_path",
        "event-handlers ssl_certificate_authority",
        "event-handlers ssl_certificate_revocation_list",
        "groups ssh_authorized_keys_path",
        "locations ssh_client_key",
        "locations ssl_certificate",
        "locations ssl_certificate_authority",
        "locations ssl_key",
        "resources dictionary_files",
        "resources executable_arguments",
        "resources executable_path",
        "resources signer_certificate_path",
        "resources ssl_certificate_authority",
        "resources ssl_certificate_revocation_list",
        "services ssh_revoked_keys",
        "services ssh_server_keys",
        "services ssh_user_certificate_authorities",
        "services ssl_certificate",
        "services ssl_certificate_authority",
        "services ssl_certificate_revocation_list",
        "services ssl_key",
        "transfers execute_after_failure",
        "transfers execute_after_success",
        "transfers execute_before",
    }


def _carries(kind: Kind) -> bool:
    return kind.files is not None and kind.files is not as_data

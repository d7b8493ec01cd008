"""What no section can tell alone: references, names, ports."""

from collections.abc import Iterator, Mapping
from typing import Final

from mft.auth.inheritance import Membership
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.policy_options import PolicyOptions
from mft.config.kinds import Kind, Wrong, kinds_of
from mft.config.problem import Problem, Severity
from mft.config.section import NamedSection, Section, suggestion, wrong_in
from mft.daemon.reading import Read, Reading
from mft.daemon.sections import BUILT_IN
from mft.events.catalogue import BY_NUMBER
from mft.handlers.base import HandlerOptions
from mft.inspection.signature import SignatureRules
from mft.protocols.options import ServiceOptions
from mft.remote.base import LocationOptions
from mft.remote.filesystem import FilesystemOptions
from mft.transfers.options import TransferOptions

IPV4_ANY: Final = "0.0.0.0"  # noqa: S104 - compared, never bound
ANY: Final = "::"  # every address of both families


def check_references(reading: Reading) -> None:
    """Every ID that an option names must be the ID of a section of that family."""
    known: dict[type[Section], dict[str, Kind]] = {}
    for one in reading.every():
        if one.options is None:
            continue
        model = type(one.options)
        if model not in known:
            known[model] = _references(model)
        for name, kind in known[model].items():
            for identifier, line in _identifiers(getattr(one.options, name)):
                sentence = _wrong_reference(kind, identifier, reading.families[kind.family])
                if sentence:
                    wrong = Wrong(sentence, identifier, line, name)
                    wrong_in(one.options, one.raw, wrong, reading.problems)


def _wrong_reference(kind: Kind, identifier: str, members: Mapping[str, Read]) -> str:
    if identifier == BUILT_IN.get(kind.family):
        return ""
    if identifier not in members:
        hint = suggestion(identifier, members)
        return f"names no section [{kind.family}/{identifier}]{hint}"
    options = members[identifier].options
    if kind.types and options is not None and getattr(options, "type", "") not in kind.types:
        return f"is not of type {' or '.join(kind.types)}"
    return ""


def resources_of(options: Section) -> set[str]:
    """The IDs of the resources that a section names."""
    return named_by(options, "resources")


def named_by(options: Section, family: str) -> set[str]:
    """The IDs of the sections of a family that a section names."""
    return {
        identifier
        for name, kind in _references(type(options)).items()
        if kind.family == family
        for identifier, _ in _identifiers(getattr(options, name))
    }


def _references(model: type[Section]) -> dict[str, Kind]:
    """Find the options that name other sections, and their kinds."""
    return {
        name: kind
        for name, field in model.model_fields.items()
        for kind in kinds_of(field.metadata, field.annotation)
        if kind.family
    }


def _identifiers(value: object) -> Iterator[tuple[str, int | None]]:
    """Each ID that a value names, and its line where that is known."""
    if isinstance(value, str):
        yield value, None
    for item in value if isinstance(value, tuple) else ():  # else left to the group, or none
        yield from _of_item(item)


def _of_item(item: object) -> Iterator[tuple[str, int | None]]:
    """An item of a list is an ID, or says which it holds, and may say on which line."""
    if isinstance(item, str):
        yield item, None
    line = getattr(item, "line", None)
    yield from ((each, line) for each in getattr(item, "identifiers", ()))


def check_names(members: dict[str, Read], problems: list[Problem]) -> None:
    """Two services, or two accounts, of one name could not be told apart."""
    seen: dict[str, str] = {}
    for one in members.values():
        if not isinstance(one.options, NamedSection):
            continue
        name = one.options.name
        if name in seen:
            wrong = Wrong(f"is the name of [{seen[name]}] as well", option="name")
            wrong_in(one.options, one.raw, wrong, problems)
        seen.setdefault(name, one.raw.name)


def check_targets(reading: Reading) -> None:
    """A handler that asks for an event that there is not waits for ever: that is told."""
    for one in reading.families["event-handlers"].values():
        if isinstance(one.options, HandlerOptions):
            for item in sorted(one.options.target.items, key=int):
                if int(item) not in BY_NUMBER:
                    remedy = "is the number of no event; `mft reference events` tells of them"
                    wrong = Wrong(remedy, item, option="target", mild=True)
                    wrong_in(one.options, one.raw, wrong, reading.problems)


def check_denied(reading: Reading) -> None:
    """An account whose name a policy denies cannot log in where the policy holds: that is told."""
    services = [one.options for one in reading.families["services"].values()]
    used = {one.security_policy for one in services if isinstance(one, ServiceOptions)}
    policies = {
        uuid: one.options.rules.denied
        for uuid, one in reading.families["security-policies"].items()
        if uuid in used and isinstance(one.options, PolicyOptions) and one.options.enabled
    }
    for account in reading.families["accounts"].values():
        if not isinstance(account.options, NamedSection):
            continue
        name = account.options.name
        for uuid, denied in policies.items():
            value = account.raw.values.get("name")
            if name.casefold() in denied and value is not None:
                remedy = f"is denied by [security-policies/{uuid}], where that one holds"
                told = (value.file, value.line, account.raw.name, "name", name, remedy)
                reading.problems.append(Problem(*told, Severity.WARNING))


def check_ports(services: dict[str, Read], problems: list[Problem]) -> None:
    """Two enabled services cannot listen on one address and port."""
    taken: dict[int, list[tuple[str, str]]] = {}
    for one in services.values():
        service = one.options
        if not isinstance(service, ServiceOptions) or not service.enabled or not service.port:
            continue
        others = taken.setdefault(service.port, [])
        for address, name in others:
            if _overlap(address, service.address):
                sentence = f"is the port of [{name}] as well, on the address {address}"
                wrong_in(service, one.raw, Wrong(sentence, option="port"), problems)
                break
        others.append((service.address, one.raw.name))


def check_inspections(reading: Reading) -> None:
    """An inspection that is switched off would refuse every upload, or let every one through."""
    off = {
        uuid
        for uuid, one in reading.families["resources"].items()
        if isinstance(one.options, NamedSection) and not one.options.enabled
    }
    for group in reading.families["groups"].values():
        if isinstance(group.options, GroupOptions):
            for identifier in off.intersection(group.options.inspections):
                wrong = Wrong("is not enabled", identifier, option="inspections")
                wrong_in(group.options, group.raw, wrong, reading.problems)


def check_detached(reading: Reading) -> None:
    """What is renamed as it comes is never beside its signature: every upload would be refused."""
    detached = {
        uuid
        for uuid, one in reading.families["resources"].items()
        if isinstance(one.options, SignatureRules) and one.options.signature_format == "detached"
    }
    groups = _groups(reading)
    wrong = Wrong(
        "gives every upload a name under which there is no detached signature, which inspections "
        "of its groups look for",
        option="amend_write_name",
    )
    told: set[str] = set()
    for uuid, group in groups.items():
        if group.amend_write_name and detached.intersection(group.inspections):
            told.add(uuid)
            wrong_in(group, reading.families["groups"][uuid].raw, wrong, reading.problems)
    for member, one in _memberships(reading, groups):
        looks = any(detached.intersection(group.inspections) for _, group in member.groups)
        if looks and member.amends_names and member.groups[0][0] not in told:
            wrong_in(member.options, one.raw, wrong, reading.problems)


def check_connections(reading: Reading) -> None:
    """A transfer within one location holds two connections to it: with one it would never begin."""
    single = {
        uuid
        for uuid, one in reading.families["locations"].items()
        if isinstance(one.options, LocationOptions) and one.options.max_connections < 2
    }
    for one in reading.families["transfers"].values():
        options = one.options
        if not isinstance(options, TransferOptions) or options.source_uuid not in single:
            continue
        others = {"destination_uuid": options.destination_uuid}
        if options.archive_success_path or options.archive_failure_path:
            others["archive_location_uuid"] = options.archive_location_uuid
        for name, uuid in others.items():
            if uuid == options.source_uuid:
                sentence = f"is the source too: [locations/{uuid}] needs max_connections = 2"
                wrong_in(options, one.raw, Wrong(sentence, uuid, option=name), reading.problems)


def check_stable_intervals(reading: Reading) -> None:
    """A file rests at least until the next look, unless looks come when its rest is over."""
    locations = reading.families["locations"]
    here = {uuid for uuid, one in locations.items() if isinstance(one.options, FilesystemOptions)}
    for one in reading.families["transfers"].values():
        options = one.options
        if not isinstance(options, TransferOptions):
            continue
        notices = options.changes_notification and options.source_uuid in {None, *here}
        if options.stable_after != options.stable_interval and not notices:
            sentence = "is shorter than changes_poll_interval; a second more than that is used"
            wrong = Wrong(sentence, option="stable_interval", mild=True)
            wrong_in(options, one.raw, wrong, reading.problems)


def check_lifetimes(reading: Reading) -> None:
    """A password with a lifetime must have an age, or nobody could tell when it ends."""
    for member, one in _memberships(reading, _groups(reading)):
        options = member.options
        end = None if options.password is None else member.password_expires(None)
        if end is not None and options.last_password_update is options.created is None:
            sentence = "is needed, or created: its password has a lifetime, and no known age"
            wrong_in(
                options, one.raw, Wrong(sentence, option="last_password_update"), reading.problems
            )


def _groups(reading: Reading) -> dict[str, GroupOptions]:
    return {
        uuid: one.options
        for uuid, one in reading.families["groups"].items()
        if isinstance(one.options, GroupOptions)
    }


def _memberships(
    reading: Reading, groups: Mapping[str, GroupOptions]
) -> Iterator[tuple[Membership, Read]]:
    for uuid, one in reading.families["accounts"].items():
        if not isinstance(one.options, AccountOptions):
            continue
        try:
            member = Membership.of(uuid, one.options, groups)
        except ValueError:
            continue  # its group is missing, which has been told
        yield member, one


def _overlap(one: str, other: str) -> bool:
    if one == other or ANY in (one, other):
        return True
    return IPV4_ANY in (one, other) and ":" not in one + other

"""Every module has a test module at the same place, or a place where it is tested."""

import ast

from tests.laws.source import ROOT, modules

ROOMS = {
    "core",
    "wire",
    "config",
    "events",
    "trust",
    "vfs",
    "auth",
    "inspection",
    "remote",
    "session",
    "transfers",
    "handlers",
    "daemon",
    "runtime",
    "protocols",
    "cli",
}

# Exempt: module -> why nothing of its own can fail there.
EXEMPT = {
    "mft.events.payloads": "field names only; the catalogue's test reads them",
    "mft.daemon.server_ini": "its text is loaded by every test of initialise",
    "mft.auth.base": "interfaces and value types only",
    "mft.vfs.base": "interfaces and value types only",
    "mft.handlers.base": "interfaces and options only",
    "mft.protocols.base": "interfaces and value types only",
    "mft.remote.base": "interfaces, options and value types only",
    "mft.transfers.transfer_queue": "interfaces and value types only",
    "mft.wire.ssh.numbers": "numbers of the RFC; test_every_message sends each of them",
}


# Tested at another place: module -> its test.
ELSEWHERE = {
    "mft.daemon.answers": "tests/daemon/test_control.py",
    "mft.daemon.becoming": "tests/daemon/test_service.py",
    "mft.daemon.cluster.joined": "tests/daemon/cluster/test_sharing.py",
    "mft.daemon.reading": "tests/daemon/test_load.py",
    "mft.daemon.checks.cross_checks": "tests/daemon/test_load.py",
    "mft.daemon.checks.places": "tests/daemon/test_load.py",
    "mft.daemon.checks.second_factors": "tests/daemon/test_load.py",
    "mft.protocols.protection": "tests/protocols/ftp/test_service.py",
    "mft.protocols.receiving_file": "tests/protocols/ftp/test_bodies.py",
    "mft.protocols.sending_file": "tests/protocols/ftp/test_bodies.py",
    "mft.protocols.ssh.hub": "tests/attacks/test_connection_flood.py",
    "mft.protocols.ssh.negotiation": "tests/protocols/ssh/test_transport.py",
    "mft.protocols.ssh.outgoing": "tests/protocols/ssh/test_sftp_slow.py",
    "mft.runtime.ssh_batches": "tests/protocols/ssh/test_sftp.py",
    "mft.protocols.ssh.peer": "tests/protocols/ssh/test_channels.py",
    "mft.protocols.ssh.requests": "tests/protocols/ssh/test_sftp_files.py",
    "mft.protocols.ssh.scp_sending": "tests/protocols/ssh/test_scp.py",
    "mft.protocols.ssh.service": "tests/daemon/test_reloading.py",
    "mft.protocols.ssh.whole_files": "tests/protocols/ssh/test_sftp_files.py",
    "mft.remote.sftp": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.sftp_open": "tests/remote/test_sftp_tree.py",
    "mft.remote.sftp_reading": "tests/remote/test_sftp_tree.py",
    "mft.remote.sftp_session": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.sftp_waiting": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.sftp_writing": "tests/remote/test_sftp_tree.py",
    "mft.remote.ssh_above": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.ssh_channel": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.ssh_connection": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.ssh_transport": "tests/attacks/test_lying_sftp_servers.py",
    "mft.remote.http_tree": "tests/remote/test_https.py",
    "mft.runtime.child": "tests/runtime/test_program.py",
    "mft.transfers.archive": "tests/transfers/test_transfer.py",
    "mft.transfers.around": "tests/transfers/test_transfer.py",
    "mft.transfers.chores": "tests/transfers/test_transfer.py",
    "mft.transfers.comparing": "tests/attacks/test_transfer_peers.py",
    "mft.transfers.giving_up": "tests/attacks/test_transfer_peers.py",
    "mft.transfers.one_file": "tests/transfers/test_carrying.py",
    "mft.transfers.open_source": "tests/transfers/test_transfer.py",
    "mft.transfers.option_kinds": "tests/transfers/test_options.py",
    "mft.transfers.tally": "tests/transfers/test_runs.py",
    "mft.transfers.telling": "tests/transfers/test_transfer.py",
    "mft.transfers.shared_database": "tests/transfers/test_shared_queue.py",
    "mft.transfers.shared_look": "tests/contracts/test_queue.py",
    "mft.transfers.shared_rows": "tests/contracts/test_queue.py",
    "mft.cli.audit_options": "tests/cli/test_audit.py",
    "mft.cli.audit_output": "tests/cli/test_audit.py",
    "mft.cli.audit_replay": "tests/cli/test_audit.py",
    "mft.cli.configuration": "tests/cli/test_check.py",
    "mft.cli.output": "tests/cli/test_audit.py",
    "mft.cli.reference": "tests/laws/test_docs.py",
}


def declares_nothing_but_a_table(module) -> bool:
    """Whether a module has neither a function nor a class: registries are walked by their law."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return not any(isinstance(node, kinds) for node in module.tree.body)


def test_every_module_has_its_test():
    missing = []
    for module in modules():
        if module.room not in ROOMS or module.path.name == "__init__.py":
            continue
        if module.name in EXEMPT or declares_nothing_but_a_table(module):
            continue
        place = module.path.relative_to(ROOT / "mft")
        test = ROOT / "tests" / place.parent / f"test_{place.name}"
        if module.name in ELSEWHERE:
            test = ROOT / ELSEWHERE[module.name]
        if not test.is_file():
            missing.append(f"{module.name} has no {test.relative_to(ROOT)}")
    assert not missing


def test_every_exemption_is_still_needed():
    names = {module.name for module in modules()}
    for name in (*EXEMPT, *ELSEWHERE):
        if name in names:
            place = ROOT / "tests" / "/".join(name.split(".")[1:-1])
            assert not (place / f"test_{name.split('.')[-1]}.py").exists(), name

"""Permissions by their effect: a matrix over every operation, and each documented example."""

import pytest

from mft.auth.permissions import (
    ALLOWS,
    MAX_REMEMBERED,
    MAX_RULES,
    NEEDS,
    ListMode,
    Operation,
    Permission,
    Rules,
    global_rule,
)
from mft.core.vpath import VPath

# Every operation with a permission that allows it, the same as a refusal tells, and all others
# that allow it as well. A new operation without a row fails the first test.
MATRIX: dict[Operation, tuple[str, ...]] = {
    Operation.READ: ("allow-read",),
    Operation.READ_ATTRIBUTES: ("allow-read", "allow-list"),
    Operation.LIST: ("allow-list",),
    Operation.TRAVERSE: ("allow-traverse", "allow-list"),
    Operation.READ_LINK: ("allow-list",),
    Operation.WRITE: ("allow-write",),
    Operation.CREATE_FOLDER: ("allow-create-folder",),
    Operation.RENAME: ("allow-rename",),
    Operation.DELETE_FILE: ("allow-delete-file",),
    Operation.DELETE_FOLDER: ("allow-delete-folder",),
    Operation.SET_ATTRIBUTES: ("allow-set-attributes",),
    Operation.MAKE_LINK: ("allow-write",),
}
SINGLE = [permission.value for permission in Permission if len(ALLOWS[permission]) < 5]
SINGLE.remove("deny-full-control")
every_operation = pytest.mark.parametrize("operation", list(Operation), ids=lambda one: one.name)
HERE = VPath.parse("/here/file.csv")
ELSEWHERE = VPath.parse("/elsewhere/file.csv")


def rules(*lines: str, **names: str) -> Rules:
    return Rules.parse(lines, names=names)


def allowed(given: Rules, operation: Operation, path: str | VPath) -> bool:
    """The quick answer, asked twice (the second comes from memory), and the slow one agree."""
    where = VPath.parse(path) if isinstance(path, str) else path
    answer = given.allow(operation, where)
    assert given.allow(operation, where) is answer
    assert given.decide(operation, where).allowed is answer
    return answer


def test_every_operation_has_a_row_and_a_permission_of_its_own() -> None:
    assert set(MATRIX) == set(Operation) == set(NEEDS)
    assert {NEEDS[operation].value for operation in Operation} <= set(SINGLE)
    assert all(operation in ALLOWS[NEEDS[operation]] for operation in Operation)


@every_operation
@pytest.mark.parametrize("name", SINGLE)
def test_a_permission_allows_its_operations_and_nothing_else(
    operation: Operation, name: str
) -> None:
    expected = name in MATRIX[operation]
    assert allowed(rules(name), operation, HERE) is expected
    assert allowed(rules("deny-full-control", f"/here/*, {name}"), operation, HERE) is expected


@every_operation
def test_four_ways_each(operation: Operation) -> None:
    needed = MATRIX[operation][0]
    given = rules("deny-full-control", f"/here/*, {needed}")
    assert allowed(given, operation, HERE)
    assert not allowed(given, operation, ELSEWHERE)
    others = [other for other in Operation if needed not in MATRIX[other]]
    assert others
    assert not any(allowed(given, other, HERE) for other in others)
    without = [name for name in SINGLE if name not in MATRIX[operation]]
    refused = rules(", ".join(without)).decide(operation, HERE)
    assert not refused.allowed
    assert refused.needed in refused.why


@every_operation
def test_full_control_allows_and_deny_beats_every_allow(operation: Operation) -> None:
    assert allowed(rules("allow-full-control"), operation, HERE)
    assert allowed(rules("allow-full-control, allow-read"), operation, HERE)
    assert not allowed(rules("deny-full-control"), operation, HERE)
    assert not allowed(rules("allow-full-control, deny-full-control"), operation, HERE)
    denied = rules("allow-full-control", "/here/*, allow-full-control, deny-full-control")
    assert not allowed(denied, operation, HERE)
    assert allowed(denied, operation, ELSEWHERE)


@every_operation
def test_no_permissions_at_all_allow_nothing(operation: Operation) -> None:
    assert not allowed(rules(), operation, HERE)
    assert not allowed(Rules.joined([]), operation, HERE)


def test_the_first_matching_rule_decides_alone() -> None:
    given = rules(
        "allow-read, allow-list",
        "*.csv, allow-read, allow-write",
        "/inbox/*, allow-full-control",
    )
    assert not allowed(given, Operation.DELETE_FILE, "/inbox/a.csv")
    assert allowed(given, Operation.WRITE, "/inbox/a.csv")
    assert allowed(given, Operation.DELETE_FILE, "/inbox/a.txt")
    assert not allowed(given, Operation.LIST, "/inbox/a.csv")  # the global set is replaced


def test_the_order_of_the_rules_matters() -> None:
    given = rules("allow-read", "/inbox/*, allow-full-control", "*.csv, allow-read")
    assert allowed(given, Operation.DELETE_FILE, "/inbox/a.csv")
    assert not allowed(given, Operation.DELETE_FILE, "/other/a.csv")


def test_a_folder_and_what_is_in_it_take_two_rules() -> None:
    given = rules("deny-full-control", "/inbox/*, allow-list")
    assert not allowed(given, Operation.LIST, "/inbox")
    assert allowed(given, Operation.LIST, "/inbox/sub")
    both = rules("deny-full-control", "/inbox, allow-list", "/inbox/*, allow-list")
    assert allowed(both, Operation.LIST, "/inbox")
    assert not allowed(both, Operation.LIST, "/inbox-qa")
    wide = rules("deny-full-control", "/inbox*, allow-list")
    assert allowed(wide, Operation.LIST, "/inbox-qa")


def test_a_hidden_folder_is_reached_only_by_who_knows_the_name() -> None:
    given = rules(
        "allow-read, allow-list", "/uploads, deny-full-control", "/uploads/*/*, allow-full-control"
    )
    assert not allowed(given, Operation.LIST, "/uploads")
    assert allowed(given, Operation.WRITE, "/uploads/secret-name/file")


def test_regular_expressions_and_their_opposites_are_rules_too() -> None:
    given = rules("deny-full-control", r'"m/^\/in\/[0-9]{1,4}$/", allow-write')
    assert allowed(given, Operation.WRITE, "/in/1234")
    assert not allowed(given, Operation.WRITE, "/in/12345")
    opposite = rules("allow-full-control", r"e/\.csv$/, deny-full-control")
    assert allowed(opposite, Operation.WRITE, "/a.csv")
    assert not allowed(opposite, Operation.WRITE, "/a.exe")


def test_the_name_of_the_account_stands_in_a_rule_and_cannot_widen_it() -> None:
    given = rules("deny-full-control", "/shared/${USER}/*, allow-read", USER="ann*")
    assert allowed(given, Operation.READ, "/shared/ann*/x")
    assert not allowed(given, Operation.READ, "/shared/annabel/x")


def test_several_groups_share_path_rules_but_not_the_global_set() -> None:
    first = Rules.parse(["allow-read", "/a/*, allow-write"], source="group first")
    second = Rules.parse(
        ["allow-full-control", "/a/*, deny-full-control", "/b/*, allow-list"], source="group second"
    )
    joined = Rules.joined([first, second])
    assert allowed(joined, Operation.WRITE, "/a/x")
    assert allowed(joined, Operation.LIST, "/b/x")
    assert allowed(joined, Operation.READ, "/c/x")
    assert not allowed(joined, Operation.DELETE_FILE, "/c/x")
    decided = joined.decide(Operation.LIST, VPath.parse("/b/x"))
    assert decided.rule.source == "group second"
    assert decided.rule.line == 3


def test_older_spellings_are_understood() -> None:
    given = rules("read, write")
    assert allowed(given, Operation.LIST, "/")
    assert allowed(given, Operation.WRITE, "/x")
    assert not allowed(given, Operation.DELETE_FILE, "/x")
    assert allowed(rules("Full-Control"), Operation.DELETE_FILE, "/x")


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("allow-list", ListMode.FULL),
        ("allow-traverse", ListMode.FOLDERS_ONLY),
        ("allow-traverse, allow-list", ListMode.FULL),
        ("allow-read", ListMode.NONE),
        ("allow-full-control", ListMode.FULL),
        ("deny-full-control", ListMode.NONE),
    ],
)
def test_traversal_lists_folders_only(line: str, mode: ListMode) -> None:
    assert rules(line).list_mode(VPath()) is mode


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["allow-reed"], "not a permission"),
        (["/inbox/*, allow-read"], "holds no path"),
        (["allow-read", "allow-write"], "PATH-EXPRESSION"),
        (["allow-read", ", allow-write, allow-list"], "begins with a permission"),
        (["allow-read", "/x"], "PATH-EXPRESSION"),
        (["allow-read", "inbox/*, allow-read"], "paths begin with /"),
        (["allow-read", "m/(/, allow-read"], "regular expression"),
        (["allow-read", "/x, allow-everything"], "not a permission"),
        (["allow-read", '"/x, allow-read'], "quote"),
        ([",", "/x, allow-read"], "names no permission"),
        (["allow-read"] * (MAX_RULES + 1), "more than 1000"),
    ],
)
def test_a_bad_line_is_refused_with_a_sentence(lines: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Rules.parse(lines)


def test_a_path_too_long_for_an_expression_is_denied() -> None:
    long = VPath(tuple("a" * 200 for _ in range(30)))
    given = rules("allow-full-control", "m/secret/, deny-full-control")
    assert not allowed(given, Operation.READ, long)
    assert "too long" in given.explain(Operation.READ, long)[-1].sentence
    before = rules("allow-full-control", "/a*, allow-full-control", "m/x/, deny-full-control")
    assert not allowed(before, Operation.READ, long)


def test_what_is_remembered_is_bounded() -> None:
    given = rules("deny-full-control", "/in/*, allow-read")
    for number in range(MAX_REMEMBERED + 10):
        assert given.allow(Operation.READ, VPath(("in", str(number))))
    assert len(given._known) <= MAX_REMEMBERED


def test_an_explanation_names_every_rule_consulted() -> None:
    given = Rules.parse(
        ["allow-read", "*.csv, allow-write", "/in/*, allow-list", "/in/x, deny-full-control"],
        source="account ann",
    )
    steps = given.explain(Operation.LIST, VPath.parse("/in/x"))
    assert [(step.rule.line, step.decided) for step in steps] == [(2, False), (3, True)]
    assert "allowed" in steps[-1].sentence
    steps = given.explain(Operation.WRITE, VPath.parse("/out"))
    assert [step.rule.line for step in steps] == [2, 3, 4, 1]
    assert "allow-write is missing" in steps[-1].sentence


def test_a_refusal_says_which_line_denied() -> None:
    given = Rules.parse(["allow-read", "/x, deny-full-control"], source="group g")
    why = given.decide(Operation.READ, VPath.parse("/x")).why
    assert why == "group g, line 2: /x, deny-full-control denies everything"
    assert given.decide(Operation.READ, VPath.parse("/y")).why.endswith("allows to read")


def test_rules_print_as_they_were_written() -> None:
    assert repr(rules("allow-read", "/x, allow-write")) == "Rules(/x, allow-write; allow-read)"
    assert global_rule("allow-read").allows == ALLOWS[Permission.READ]


def test_rules_tell_whether_any_path_is_judged_otherwise() -> None:
    assert not rules("allow-read").by_path
    assert not rules().by_path
    assert rules("allow-full-control", "/there/*, deny-full-control").by_path


def test_anything_is_allowed_where_a_single_permission_is() -> None:
    given = rules("deny-full-control", "/in/*, allow-rename")
    for _ in range(2):  # the second answer comes from memory
        assert given.allow_any(VPath.parse("/in/a"))
        assert not given.allow_any(VPath.parse("/in"))
    assert rules("allow-traverse").allow_any(HERE)
    assert not rules("deny-full-control, allow-read").allow_any(HERE)


@pytest.mark.parametrize("sign", ["!/in/*", "e/^.in/"])
def test_a_rule_may_be_for_every_path_but_some(sign: str) -> None:
    given = rules("allow-read", f"{sign}, deny-full-control")
    assert allowed(given, Operation.READ, "/in/a")
    assert not allowed(given, Operation.READ, "/out/a")

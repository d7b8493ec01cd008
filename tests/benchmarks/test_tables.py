"""Goals, tables and the editing of server.ini."""

from pathlib import Path

from tests.benchmarks.__main__ import PAGE
from tests.benchmarks.families import FAMILIES
from tests.benchmarks.goals import GOALS, Goal, judge
from tests.benchmarks.report import insert, marks
from tests.benchmarks.servers.ours import doubled, edit
from tests.benchmarks.workloads.table import WORKLOADS


def test_every_goal_is_about_a_figure_that_is_measured() -> None:
    figures = {(w.name, m.key) for w in WORKLOADS for m in w.metrics}
    assert {(goal.workload, goal.metric) for goal in GOALS} <= figures


def test_every_goal_compares_servers_that_do_the_work_and_have_a_column() -> None:
    doing = {
        work.name: set(work.servers) & set(family.columns)
        for family in FAMILIES
        for work in family.workloads
    }
    for goal in GOALS:
        assert {goal.ours, goal.against} - {""} <= doing[goal.workload], goal


def test_every_workload_has_a_name_of_its_own() -> None:
    names = [workload.name for workload in WORKLOADS]
    assert len(names) == len(set(names))


def test_tables_replace_what_is_between_the_marks_of_their_family_and_nothing_else(
    tmp_path: Path,
) -> None:
    page = tmp_path / "page.md"
    (begin, end), others = marks("ftp"), "\n".join(marks("ssh"))
    page.write_text(f"before\n{others}\n{begin}\nold\n{end}\nafter\n")
    insert(page, "ftp", "new\n")
    assert page.read_text() == f"before\n{others}\n{begin}\nnew\n{end}\nafter\n"


def test_the_page_has_a_place_for_each_family() -> None:
    page = PAGE.read_text()
    for family in FAMILIES:
        assert all(page.count(mark) == 1 for mark in marks(family.name))


def test_a_goal_compares_medians_of_the_same_run() -> None:
    results = {"work": {"mft": {"cpu": [9, 1, 2]}, "openssh": {"cpu": [1, 1, 50]}}}
    verdict = judge(Goal("work", "cpu", "<=", 1.5, "openssh"), results)
    assert (verdict.seen, verdict.met) == (2, False)


def test_a_goal_without_figures_is_neither_met_nor_missed() -> None:
    assert judge(Goal("work", "cpu", "<=", 1, "openssh"), {"work": {}}).met is None


def test_an_option_is_set_in_its_sections_only() -> None:
    text = "[accounts/a]\ndurable_uploads = yes\n[services/s]\ndurable_uploads = yes\n"
    assert edit(text, "accounts", {"durable_uploads": "no"}) == (
        "[accounts/a]\ndurable_uploads = no\n[services/s]\ndurable_uploads = yes\n"
    )


def test_an_option_is_set_in_one_section_that_is_named_whole() -> None:
    text = "[services/ftp]\nport = 1\n[services/ftps]\nport = 2\n"
    assert edit(text, "services/ftp", {"port": "3"}) == (
        "[services/ftp]\nport = 3\n[services/ftps]\nport = 2\n"
    )


def test_the_double_of_an_account_has_all_but_its_identity_name_and_password() -> None:
    text = "[accounts/a]\nname = bench\npassword = dear\nhome = /x\n[event-handlers/e]\nname = y\n"
    doubled_text = doubled(text, "cheap", r"$p$\1")
    assert doubled_text.startswith(text)
    header, *rest = doubled_text.removeprefix(text).split("\n", 2)[1:]
    assert header.startswith("[accounts/")
    assert header != "[accounts/a]"
    assert rest == ["name = cheap\npassword = $p$\\1\nhome = /x\n"]

"""Goals, tables and the editing of server.ini."""

from pathlib import Path

from tests.benchmarks.goals import GOALS, Goal, judge
from tests.benchmarks.report import BEGIN, COLUMNS, END, insert
from tests.benchmarks.servers.ours import edit
from tests.benchmarks.workloads.table import WORKLOADS


def test_every_goal_is_about_a_figure_that_is_measured() -> None:
    figures = {(w.name, m.key) for w in WORKLOADS for m in w.metrics}
    assert {(goal.workload, goal.metric) for goal in GOALS} <= figures


def test_every_goal_compares_servers_that_do_the_work_and_have_a_column() -> None:
    doing = {w.name: set(w.servers) for w in WORKLOADS}
    for goal in GOALS:
        compared = {goal.ours, goal.against} - {""}
        assert compared <= doing[goal.workload] & set(COLUMNS), goal


def test_tables_replace_what_is_between_the_markers_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(page, "new\n")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


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

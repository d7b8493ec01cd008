"""A problem is one line that an administrator can act on."""

from mft.config.problem import MAX_SHOWN, Problem, Severity, shown


def test_a_wrong_value_is_told_with_its_place_and_what_would_be_right():
    problem = Problem("server.ini", 7, "event-handlers/siem", "timeout", "5 f", "is not a duration")
    assert str(problem) == 'server.ini:7: [event-handlers/siem] timeout = "5 f" is not a duration'
    assert problem.is_error


def test_a_problem_without_a_value_is_the_sentence_after_the_section():
    problem = Problem("server.ini", 3, "services/a", "port", None, 'needs "port", such as 10022')
    assert str(problem) == 'server.ini:3: [services/a] needs "port", such as 10022'


def test_a_problem_of_the_whole_file_has_no_line_and_no_section():
    assert str(Problem("server.ini", 0, "", "", None, "is not UTF-8")) == "server.ini: is not UTF-8"


def test_a_warning_says_so_and_is_no_error():
    problem = Problem("server.ini", 4, "server", "x", None, "is old", Severity.WARNING)
    assert str(problem) == "server.ini:4: warning: [server] is old"
    assert not problem.is_error


def test_a_value_is_shown_as_one_short_printable_line():
    assert shown("a\nb") == "a..."
    assert shown("a\x1b[31m") == "a\\x1b[31m"
    assert shown("x" * 500) == "x" * MAX_SHOWN + "..."
    assert "\n" not in str(Problem("f", 1, "a\x0bb", "o", "1\u20282\n3", "is wrong"))

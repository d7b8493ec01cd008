"""One section is read with every problem of every option at once."""

from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import ValidationError, model_validator
from pydantic.fields import FieldInfo

from mft.config.ini import parse
from mft.config.kinds import (
    INHERIT,
    AbsolutePath,
    CommaList,
    Context,
    DataPath,
    FilePath,
    FilePaths,
    Inheritable,
    Maybe,
    NetworkRules,
    ProgramPath,
    Seconds,
    SecretText,
    Text,
    Wrong,
)
from mft.config.section import (
    Declared,
    NamedSection,
    Section,
    check_section,
    choices,
    declared,
    files_of,
    given,
    option,
    read_section,
    suggestion,
    wrong_in,
)

CONTEXT = Context(Path("/srv/instance"))
URL = "tcp://logs.example.com:601"


class Siem(NamedSection):
    """Options to test with."""

    ignored: ClassVar = {"product_key": "no licence is needed"}
    converted: ClassVar = {"blocking": lambda text: "threads" if text == "yes" else None}

    url: Text = option("Where to.", examples=[URL])
    timeout: Seconds = option("How long.", 30.0)
    mode: Literal["auto", "Threads"] = option("How.", "auto", old_names=["blocking"])
    keys: CommaList = option("Which.", (), old_names=["rsa_key", "dsa_key"], joined=True)
    password: SecretText = option("Its hash.", None)
    token: Text = option("Another secret.", "", secret=True, ours=True, safer="It is.")
    rules: Inheritable[NetworkRules] = option("From where.", (), old_names=["filter"])
    file: FilePath = option("A file.", Path("x"))

    def check(self, context):
        if self.url == "x://":
            yield Wrong("is no address", option="url")
            yield Wrong("is wrong as a whole")


def reading(text, model=Siem):
    problems = []
    raw = parse(f"[event-handlers/siem]\n{text}".encode(), "server.ini", problems)
    (section,) = raw.values()
    options = read_section(model, section, CONTEXT, problems)
    return options, [str(problem) for problem in problems]


def told(text, model=Siem):
    options, problems = reading(text, model)
    assert options is None
    return [
        line.replace("server.ini:", "").replace("[event-handlers/siem] ", "") for line in problems
    ]


def warned(text):
    options, problems = reading(text)
    assert options is not None, problems
    return options, [line.replace("[event-handlers/siem] ", "") for line in problems]


def test_a_right_section_is_a_frozen_value():
    options, problems = reading(f"name = siem\nurl = {URL}\ntimeout = 5m\nfile = log/a\n")
    assert not problems
    assert (options.name, options.timeout, options.enabled) == ("siem", 300, True)
    assert options.file == Path("/srv/instance/log/a")
    with pytest.raises(ValidationError):
        options.timeout = 4


def test_every_problem_is_told_at_once_with_its_line():
    assert told(
        "name = x\nur1 = y\ntimeout = 5 fortnights\nmode = slow\n"
        "rules =\n  deny x\n  allow ::\n  y\n"
    ) == [
        '3: has no option "ur1"; did you mean "url"?',
        f'1: needs "url", such as {URL}',
        '4: timeout = "5 fortnights" is not a duration such as 30 or 5m',
        '5: mode = "slow" is not one of: auto, Threads',
        '7: rules = "deny x" does not name an IP address or network such as 192.0.2.0/24',
        '9: rules = "y" is not a rule such as allow 192.0.2.0/24 or deny 2001:db8::/32',
    ]


def test_a_choice_is_read_without_regard_to_case():
    assert reading(f"name = a\nurl = {URL}\nmode = THREADS\n")[0].mode == "Threads"


def test_an_old_name_is_accepted_with_a_warning():
    options, problems = warned(f"name = a\nurl = {URL}\nfilter = allow ::1\n")
    assert len(options.rules) == 1
    assert problems == ['server.ini:4: warning: filter is an old name; write "rules"']


def test_an_old_name_beside_the_new_one_is_ignored_with_a_warning():
    options, problems = warned(f"name = a\nurl = {URL}\nrules =\nfilter = allow ::1\n")
    assert options.rules == ()
    assert "filter is ignored" in problems[0]


def test_an_old_value_is_turned_into_the_new_one_or_dropped():
    start = f"name = a\nurl = {URL}\n"
    assert warned(f"{start}blocking = yes\n")[0].mode == "Threads"
    assert warned(f"{start}blocking = no\n")[0].mode == "auto"


def test_old_names_may_add_to_a_list():
    text = f"name = a\nurl = {URL}\nrsa_key = b\nkeys = a\ndsa_key = c\n"
    options, problems = warned(text)
    assert options.keys == ("a", "b", "c")
    assert len(problems) == 2


def test_an_option_that_means_nothing_here_is_a_warning():
    _, problems = warned(f"name = a\nurl = {URL}\nproduct_key = 1\n")
    assert problems == [
        "server.ini:4: warning: product_key has no effect here: no licence is needed"
    ]


class Sealed(Section):
    """Options whose values are secret and wrong."""

    one: Seconds = option("A secret.", secret=True)
    two: Text = option("Another.", "")

    @model_validator(mode="after")
    def _together(self):
        if self.two == "bad":
            raise Wrong("is bad", option="two")
        if self.two == "worse":
            raise ValueError("does not fit together")
        return self


def test_a_secret_is_never_shown():
    lines = told("one = hunter2\n", Sealed)
    assert lines == ["2: one is not a duration such as 30 or 5m"]


def test_what_does_not_fit_together_is_told_by_its_option_or_by_the_section():
    assert told("one = 1\ntwo = bad\n", Sealed) == ['3: two = "bad" is bad']
    assert told("one = 1\ntwo = worse\n", Sealed) == ["1: does not fit together"]


def test_a_sections_own_check_is_told_with_lines():
    problems = []
    raw = parse(b"[a]\nname = a\nurl = x://\n", "server.ini", problems)["a"]
    options = read_section(Siem, raw, CONTEXT, problems)
    check_section(options, raw, CONTEXT, problems)
    assert [str(problem) for problem in problems] == [
        'server.ini:3: [a] url = "x://" is no address',
        "server.ini:1: [a] is wrong as a whole",
    ]
    assert not list(NamedSection(name="a").check(CONTEXT))


def test_what_is_only_unwise_is_a_warning_and_the_section_is_read():
    problems = []
    raw = parse(b"[a]\nname = a\nurl = b\ntoken = t\n", "server.ini", problems)["a"]
    options = read_section(Siem, raw, CONTEXT, problems)
    for name in ("url", "token", "keys"):
        wrong_in(options, raw, Wrong("is unwise", option=name, mild=True), problems)
    assert [str(problem) for problem in problems] == [
        'server.ini:3: warning: [a] url = "b" is unwise',
        "server.ini:4: warning: [a] token is unwise",
        "server.ini:1: warning: [a] keys is unwise",
    ]


def test_a_wrong_default_is_told_on_the_line_of_the_section():
    problems = []
    raw = parse(b"[a]\nname = a\nurl = b\n", "server.ini", problems)["a"]
    options = read_section(Siem, raw, CONTEXT, problems)
    wrong_in(options, raw, Wrong("does not exist", "/x", option="file"), problems)
    wrong_in(options, raw, Wrong("is bad", option="keys"), problems)
    assert [str(problem) for problem in problems] == [
        "server.ini:1: [a] file (/x) does not exist",
        "server.ini:1: [a] keys is bad",
    ]


def test_an_option_is_found_under_its_old_name():
    raw = parse(b"[a]\nfilter = allow ::1\n", "server.ini", [])["a"]
    assert given(Siem, raw, "rules").line == 2
    assert given(Siem, raw, "url") is None


def test_what_option_declares_is_read_back():
    fields = Siem.model_fields
    assert declared(fields["token"]) == Declared(ours=True, safer="It is.", secret=True)
    assert declared(fields["keys"]).old_names == ("rsa_key", "dsa_key")


def test_choices_are_found_inside_unions():
    assert choices(Inheritable[Literal["a", "b"]] | None) == ("a", "b")
    assert choices(str) == ()


def test_a_near_name_is_suggested_and_a_far_one_is_not():
    assert suggestion("nmae", ["name", "port"]) == '; did you mean "name"?'
    assert suggestion("zzz", ["name"]) == ""


def test_an_error_of_pydantic_itself_shows_no_value():
    with pytest.raises(ValidationError) as caught:
        Sealed.model_validate({"one": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_field_that_was_made_otherwise_declares_nothing():
    assert declared(FieldInfo(annotation=int)) == Declared()


class Plain(Section):
    """An option of pydantic's own kind, and a choice among numbers."""

    count: int = option("How many.", 1)
    level: Literal[1, 2] = option("Which.", 1)


def test_an_error_of_pydantics_own_kind_is_told_in_its_words():
    (line,) = told("count = many\n", Plain)
    assert line.startswith('2: count = "many" Input should be a valid integer')


def test_options_may_be_made_from_values():
    assert Siem(name="a", url=URL, timeout=5, rules=()).timeout == 5


class Served(Section):
    """Options that name files."""

    key: FilePath = option("Read.", Path("/srv/key"))
    inherited: Inheritable[Maybe[FilePath]] = option("Read.", INHERIT)
    none: Maybe[FilePath] = option("Read.", None)
    several: Maybe[FilePaths] = option("Read.", ())
    database: DataPath = option("Written.", Path("/srv/data.db3"))
    home: AbsolutePath = option("Data.", Path("/srv/home"))
    program: ProgramPath = option("Run.", Path("/srv/program"))

    def unnamed_files(self, directory):
        yield directory / "default"


def test_the_files_of_a_section_are_those_that_are_read():
    served = Served.model_validate({"several": "a, /b"}, context=CONTEXT)
    assert list(files_of(served, Path("/srv"))) == [
        ("key", Path("/srv/key")),
        ("several", Path("/srv/instance/a")),
        ("several", Path("/b")),
        ("program", Path("/srv/program")),
        ("", Path("/srv/default")),
    ]
    own = served.model_copy(update={"inherited": Path("/own")})
    assert ("inherited", Path("/own")) in list(files_of(own, Path("/srv")))
    assert list(NamedSection(name="n").unnamed_files(Path("/srv"))) == []

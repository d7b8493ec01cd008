"""Names come from the field; the words that say nothing are refused."""

import ast
import re

from tests.laws.source import ROOT, for_each, modules

REFUSED = re.compile(
    r"^(utils?|helpers?|common|misc|stuff|.*Manager|.*Processor|.*Engine|Base[A-Z].*|.*Helper|.*Util)$"
)
MODULES = for_each(modules)


@MODULES
def test_no_module_has_a_name_that_says_nothing(module):
    assert not [part for part in module.name.split(".") if REFUSED.match(part)]


@MODULES
def test_no_class_or_function_has_a_name_that_says_nothing(module):
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for node in module.nodes if isinstance(node, kinds)]
    assert not [name for name in names if REFUSED.match(name)]


@MODULES
def test_every_exemption_gives_its_reason(module):
    for number, line in enumerate(module.path.read_text().splitlines(), 1):
        for mark in re.findall(r"#\s*(?:noqa|type:\s*ignore)[^#]*", line):
            bare = re.fullmatch(
                r"#\s*(noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[\w, -]+\])?)\s*", mark
            )
            alone = bare and line.rstrip().endswith(mark.rstrip())
            assert not alone, f"{module.path.relative_to(ROOT)}:{number} gives no reason"


@MODULES
def test_nothing_dangerous_is_imported_or_called(module):
    assert not {"pickle", "marshal", "shelve", "yaml", "subprocess.getoutput"} & set(
        module.imports()
    )
    calls = [node for node in module.nodes if isinstance(node, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    assert not names & {"eval", "exec", "compile", "__import__"}
    assert not [keyword for call in calls for keyword in call.keywords if keyword.arg == "shell"]


@MODULES
def test_input_is_never_asserted(module):
    assert not [node for node in module.nodes if isinstance(node, ast.Assert)]

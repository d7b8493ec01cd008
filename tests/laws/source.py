"""The source as the laws see it: every module of the package, parsed once."""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Module(NamedTuple):
    """One file of the package."""

    path: Path
    name: str  # dotted, such as mft.core.vpath
    tree: ast.Module
    nodes: tuple[ast.AST, ...]  # of the whole tree, as `ast.walk` gives them
    lines: int
    names: tuple[str, ...]  # of everything that is imported

    @property
    def room(self) -> str:
        """The room it lives in; the package's own files are in none."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (self.path.name == "__init__.py" and parts[1:]) else ""

    def imports(self) -> tuple[str, ...]:
        """Name everything that is imported anywhere in it, lazily too, as dotted names."""
        return self.names


def imported(path: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """What is imported, as dotted names."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules() -> tuple[Module, ...]:
    """Parse the package."""
    found = []
    for path in sorted((ROOT / "mft").rglob("*.py")):
        text = path.read_text()
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(text)
        nodes = tuple(ast.walk(tree))
        names = tuple(imported(path, nodes))
        found.append(Module(path, dotted, tree, nodes, text.count("\n"), names))
    return tuple(found)


Law = Callable[[Any], None]


def for_each(values: Callable[[], Iterable[Any]]) -> Callable[[Law], Callable[[], None]]:
    """A law as one test over all `values`: everything that breaks it is told at once.

    A test for each file and law would be thousands, which every process has to collect.
    """

    def over(law: Law) -> Callable[[], None]:
        def test() -> None:
            broken = []
            for value in values():
                try:
                    law(value)
                except AssertionError as error:
                    broken.append(f"{value.name}: {error}")
            assert not broken, "\n".join(broken)

        test.__name__, test.__doc__ = law.__name__, law.__doc__
        return test

    return over

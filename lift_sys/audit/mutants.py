"""Programs that differ from a right one in one slip."""

import ast
import itertools
import random
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lift_sys.audit.dataset import parsed
from lift_sys.audit.operators import OPERATORS

_NOT_RUN = frozenset({"annotation", "returns", "decorator_list", "ctx"})
"""Fields of a tree in which a slip changes nothing that the function does, or too much."""


@dataclass(frozen=True)
class Mutant:
    operator: str
    source: str
    line: int
    """Of the slip, in the source that it was made in."""


@dataclass(frozen=True)
class _Place:
    parent: ast.AST
    field: str
    index: int | None
    """In the field's list; None where it holds a single node."""
    node: ast.AST

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass(frozen=True)
class _Change:
    operator: str
    place: _Place
    line: int
    replacement: ast.AST


def mutants(source: str, function: str, most: int, seed: int) -> list[Mutant]:
    """At most so many distinct programs, of each operator about as many. Needs source that parses.

    Only what the function reaches is changed. The same arguments give the same mutants.
    """
    tree = parsed(source)
    seen = {ast.unparse(tree)}
    found: list[Mutant] = []
    for change in _in_turn(_changes(tree, function), random.Random(seed)):
        if len(found) == most:
            break
        text = _text(tree, change)
        if text is not None and text not in seen:
            seen.add(text)
            found.append(Mutant(change.operator, text, change.line))
    return found


def _in_turn(changes: Iterator[_Change], rng: random.Random) -> Iterator[_Change]:
    """One of each operator, then a second of each, and so on, in random order."""
    by_operator: dict[str, list[_Change]] = defaultdict(list)
    for change in changes:
        by_operator[change.operator].append(change)
    groups = list(by_operator.values())
    rng.shuffle(groups)
    for group in groups:
        rng.shuffle(group)
    return (change for turn in itertools.zip_longest(*groups) for change in turn if change is not None)


def _changes(tree: ast.Module, function: str) -> Iterator[_Change]:
    for place in _reached(tree, function):
        for inner, line in _places(place, 1):
            for name, operator in OPERATORS.items():
                yield from (_Change(name, inner, line, replacement) for replacement in operator(inner.node))


def _reached(tree: ast.Module, function: str) -> list[_Place]:
    """The statements of the module that define the function, and what they use of the module, directly or not."""
    names, reached = {function}, dict[int, ast.stmt]()
    while fresh := [i for i, s in enumerate(tree.body) if i not in reached and names & _defined(s)]:
        for index in fresh:
            reached[index] = tree.body[index]
            names |= {n.id for n in ast.walk(tree.body[index]) if isinstance(n, ast.Name)}
    return [_Place(tree, "body", index, statement) for index, statement in sorted(reached.items())]


def _defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return set()


def _places(place: _Place, line: int) -> Iterator[tuple[_Place, int]]:
    """Every node below one, itself included, with its line; no docstrings, which are expressions without effect."""
    node = place.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    line = node.lineno if isinstance(node, ast.stmt | ast.expr) else line
    yield place, line
    for field, value in ast.iter_fields(node):
        if field in _NOT_RUN:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                yield from _places(_Place(node, field, index, child), line)


def _text(tree: ast.Module, change: _Change) -> str | None:
    """The changed program, or None if it is none. The tree is as before afterwards."""
    change.place.put(change.replacement)
    try:
        text = ast.unparse(tree)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of `1 is 2`
            compile(text, "<mutant>", "exec")
    except (SyntaxError, ValueError):
        return None
    finally:
        change.place.put(change.place.node)
    return text

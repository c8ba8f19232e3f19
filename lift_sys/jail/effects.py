"""What a program reaches outside of itself, as far as its text tells."""

import ast
from collections.abc import Iterator
from typing import Any

from lift_sys.jail.known import EFFECTS, MODULES
from lift_sys.jail.names import IMPORTERS, PATH, Program, Scope, chain, text_of

Json = dict[str, Any]

_MOST_FINDINGS = 20
_ENOUGH = {
    **dict.fromkeys(("random.Random", "time.localtime", "time.gmtime", "time.ctime", "time.asctime"), 1),
    "time.strftime": 2,
}
"""With so many arguments they ask neither the clock nor the system's randomness."""
_SETTERS = frozenset({"builtins.setattr", "builtins.delattr"})


def _effect_of(name: str) -> str | None:
    """The effect of using a dotted name: the longest entry that fits holds."""
    while name and name not in EFFECTS:
        name = name.rpartition(".")[0]
    effect = EFFECTS.get(name, "harmless")
    return None if effect == "harmless" else effect


def effects(program: Program) -> list[Json]:
    """What was found, in the order of the lines. What is too much is left out from the effect that has most."""
    found: dict[str, dict[str, int]] = {}
    for line, effect, what in sorted(_findings(program)):
        found.setdefault(effect, {}).setdefault(what.removeprefix("builtins."), line)
    ranked = [
        (rank, line, effect, what)
        for effect, places in found.items()
        for rank, (what, line) in enumerate(places.items())
    ]
    kept = sorted(ranked)[:_MOST_FINDINGS]
    return [{"effect": e, "what": what, "line": line} for line, e, what in sorted(finding[1:] for finding in kept)]


def _findings(program: Program) -> Iterator[tuple[int, str, str]]:
    for node, scope in program.uses:
        for effect, what in _of_use(program, node, scope):
            yield node.lineno, effect, what
    for node, scope in program.changes:
        for what in _of_change(program, node, scope):
            yield node.lineno, "state", what
    for name, line in program.globals_set:
        yield line, "state", f"global {name}"


def _of_use(program: Program, node: ast.expr, scope: Scope) -> Iterator[tuple[str, str]]:
    names = program.resolve(node, scope)
    for name in names:
        effect = _effect_of(name)
        if name in MODULES:  # handed on as a value, it can no longer be followed
            effect = None if node in program.followed else "dynamic"
        if effect and not _harmless(name, program.calls.get(node)):
            yield effect, name
    if isinstance(node, ast.Call):
        yield from _by_name(program, node, scope)
    if isinstance(node, ast.Attribute):
        yield from _of_attributes(program, chain(node)[1], any(names))


def _harmless(name: str, call: ast.Call | None) -> bool:
    if call is None:
        return False
    if name in IMPORTERS:
        return bool(text_of(call, 0))
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return len([g for g in given if not _is_none(g)]) >= _ENOUGH.get(name, len(given) + 1)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _by_name(program: Program, call: ast.Call, scope: Scope) -> Iterator[tuple[str, str]]:
    """What `getattr` and its like reach in a module."""
    called = program.resolve(call.func, scope)
    if "builtins.getattr" in called and text_of(call, 1):
        yield from _of_attributes(program, [text_of(call, 1)], False)
        return
    for owner in program.resolve(call.args[0], scope) if call.args else ():
        if owner and called & _SETTERS:
            yield "state", owner
        elif owner and "builtins.getattr" in called and not owner.startswith("builtins."):
            yield "dynamic", f"getattr({owner}, ...)"


def _of_attributes(program: Program, attributes: list[str], told: bool) -> Iterator[tuple[str, str]]:
    for attribute in attributes:
        effect = EFFECTS.get(f"object.{attribute}")
        if effect == "dynamic" or (effect and not told and attribute not in program.members):
            yield effect, attribute


def _of_change(program: Program, node: ast.expr, scope: Scope) -> Iterator[str]:
    """Of a module or a class from elsewhere, as far as the object can be nothing else."""
    if not isinstance(node, ast.Attribute | ast.Subscript):
        return
    owners = program.resolve(node.value, scope)
    if all(owners) and PATH not in owners:
        for owner in owners:
            yield f"{owner}.{node.attr}" if isinstance(node, ast.Attribute) else owner


def literal_imports(program: Program) -> set[str]:
    """The modules that are imported by calls."""
    calls = [(node, scope) for node, scope in program.uses if isinstance(node, ast.Call) and text_of(node, 0)]
    return {text_of(call, 0) for call, scope in calls if program.resolve(call.func, scope) & IMPORTERS}

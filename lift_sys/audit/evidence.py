"""What the validator is given of a task: its own words, then its first inputs too, then what a good IR would say."""

import ast
from collections.abc import Iterator, Mapping, Sequence

from lift_sys import syntax
from lift_sys.audit.dataset import LONGEST, Task, parsed
from lift_sys.examples import find, is_literal
from lift_sys.jail.values import decode
from lift_sys.report import Outcome
from lift_sys.validation.spec import Spec, from_examples
from schemas.ir import Assertion, Effects, Example, Parameter

PROMPT = "prompt"
BASE = "base"
STRICTEST = "base+properties"
TIERS = (PROMPT, BASE, STRICTEST)


def specs(task: Task, reference: Mapping[str, Outcome]) -> dict[str, Spec]:
    """One for each tier that has an example. `reference`: how the solution's calls ended, by argument text."""
    stated = tuple(found.example for found in find(task.prompt, task.function))
    base = tuple(_examples(task.base, reference))
    tiers = {
        PROMPT: from_examples(task.function, stated),
        BASE: from_examples(task.function, base),
        STRICTEST: _with_properties(task, base, mutates=any(outcome.mutated for outcome in reference.values())),
    }
    return {name: spec for name, spec in tiers.items() if spec.stated}


def _examples(inputs: Sequence[str], reference: Mapping[str, Outcome]) -> Iterator[Example]:
    """The solution's own results, where they are literals of a reasonable length."""
    for text in dict.fromkeys(inputs):
        value = _literal(reference[text]) if text in reference else None
        if value is not None:
            yield Example(origin="user", arguments=text, expect="returns", value=value, covers="typical")


def _literal(outcome: Outcome) -> str | None:
    try:
        text = repr(decode(outcome.returned or []))
    except ValueError:  # an object has no literal
        return None
    return text if len(text) <= LONGEST and is_literal(text) else None


def _with_properties(task: Task, examples: tuple[Example, ...], *, mutates: bool) -> Spec:
    """And what holds of every right result: none of it needs to know the result."""
    definition = _definition(task)
    return Spec(
        function=task.function,
        parameters=_parameters(definition, [syntax.literal(f"({e.arguments},)") for e in examples if e.arguments]),
        is_async=False,
        stated=examples,
        inferred=(),
        assertions=tuple(Assertion(kind="requires", expr=text, origin="stated") for text in task.preconditions),
        may_mutate=mutates,
        returns=_text(definition.returns),
        effects=Effects(pure=not mutates, allowed=("mutates_arguments",) if mutates else (), raises=(), imports=()),
    )


def _definition(task: Task) -> ast.FunctionDef:
    body = parsed(task.solution).body
    return [n for n in body if isinstance(n, ast.FunctionDef) and n.name == task.function][-1]


def _parameters(definition: ast.FunctionDef, calls: Sequence[tuple[object, ...]]) -> tuple[Parameter, ...] | None:
    """Their types are those of the calls' arguments where no annotation says them; None if a default is no literal."""
    given = definition.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(positional) - len(given.defaults)), *given.defaults]
    found: list[tuple[ast.arg, str, str | None, str | None]] = []
    for index, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
        values = [call[index] for call in calls if index < len(call)]
        found.append((argument, "positional", _text(default), _common_type(values)))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append((argument, "keyword_only", _text(default), None))
    found += [(given.vararg, "var_positional", None, None)] if given.vararg else []
    found += [(given.kwarg, "var_keyword", None, None)] if given.kwarg else []
    if not all(default is None or is_literal(default) for _, _, default, _ in found):
        return None
    return tuple(
        Parameter.model_validate(
            {"name": a.arg, "type": _text(a.annotation) or common or "object", "kind": kind, "default": default}
        )
        for a, kind, default, common in found
    )


def _text(node: ast.expr | None) -> str | None:
    return ast.unparse(node) if node else None


def _common_type(values: Sequence[object]) -> str | None:
    """The name of the values' type, if they share one."""
    names = {type(value).__name__ for value in values}
    return names.pop() if len(names) == 1 else None

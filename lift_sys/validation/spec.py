"""What a candidate is held to: the user's own examples, which are law, and what the IR says, which is advice."""

import ast
from dataclasses import dataclass

from lift_sys.errors import SpecificationInvalid
from lift_sys.examples import is_arguments, is_literal, parse
from schemas.ir import IR, Assertion, Example, Parameter

_NODES = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.keyword,
    ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop, ast.IfExp,
    ast.List, ast.Tuple, ast.Set, ast.Dict, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.comprehension, ast.Store, ast.Starred, ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip


@dataclass(frozen=True)
class Spec:
    function: str
    parameters: tuple[Parameter, ...] | None
    """None: any signature that takes the examples' arguments will do."""
    is_async: bool
    stated: tuple[Example, ...]
    inferred: tuple[Example, ...]
    assertions: tuple[Assertion, ...]
    may_mutate: bool


def from_ir(ir: IR, stated: tuple[Example, ...]) -> Spec:
    """The IR as advice. An example that the user did not state is inferred, whatever the model says of its origin."""
    said = {(e.arguments, e.expect, e.value) for e in stated}
    return Spec(
        function=ir.signature.name,
        parameters=ir.signature.parameters,
        is_async=ir.signature.is_async,
        stated=stated,
        inferred=tuple(
            e.model_copy(update={"origin": "inferred"})
            for e in ir.examples
            if (e.arguments, e.expect, e.value) not in said
        ),
        assertions=ir.assertions,
        may_mutate="mutates_arguments" in ir.effects.allowed or not ir.effects.pure,
    )


def from_examples(function: str, stated: tuple[Example, ...]) -> Spec:
    """No IR: examples alone, which then also decide what may be mutated (nothing is said of it)."""
    return Spec(function, None, False, stated, (), (), may_mutate=True)


def read_examples(function: str, texts: tuple[str, ...]) -> tuple[Example, ...]:
    """The client's examples of a function. Raises `SpecificationInvalid` that names the one that cannot be used."""
    found = []
    for index, text in enumerate(texts):
        try:
            name, example = parse(text)
        except ValueError as error:
            raise SpecificationInvalid(f"examples.{index}", str(error)) from None
        if name != function:
            raise SpecificationInvalid(f"examples.{index}", f"calls {name!r}, but the function is {function!r}")
        found.append(example)
    return tuple(found)


def why_unusable(example: Example) -> str | None:
    """Why an example of a model cannot be tried, or None."""
    if not is_arguments(example.arguments):
        return f"the arguments are not literals: {example.arguments[:80]}"
    if example.expect == "returns" and not is_literal(example.value):
        return f"the value is not a literal: {example.value[:80]}"
    return None


def is_predicate(text: str) -> bool:
    """Whether the text is one Python expression without lambda, await, yield, assignment or dunder names."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    nodes = list(ast.walk(tree))
    hidden = any(isinstance(n, ast.Attribute) and n.attr.startswith("_") for n in nodes)
    dunder = any(isinstance(n, ast.Name) and n.id.startswith("__") for n in nodes)
    return not hidden and not dunder and all(isinstance(n, _NODES) for n in nodes)

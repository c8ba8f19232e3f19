"""What a candidate is held to: the user's own examples, which are law, and what the IR says, which is advice."""

from dataclasses import dataclass
from typing import Literal

from lift_sys import syntax
from lift_sys.errors import SpecificationInvalid
from lift_sys.examples import is_arguments, is_literal, parse
from lift_sys.signatures import signature
from lift_sys.validation.predicate import is_predicate
from schemas.ir import IR, Assertion, Effects, Example, Parameter, Signature


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
    returns: str | None = None
    """The annotation of the result."""
    effects: Effects | None = None
    """None: nothing is said of them."""
    dropped: frozenset[str] = frozenset()
    """The clauses, as evidence names them, that code is not held to. All others keep their numbers."""

    def clauses(self) -> dict[str, Example | Assertion]:
        """All that is said, dropped or not, by the names that evidence gives it."""
        return {
            **{f"examples.stated[{i}]": example for i, example in enumerate(self.stated)},
            **{f"examples.inferred[{i}]": example for i, example in enumerate(self.inferred)},
            **{f"assertions[{i}]": assertion for i, assertion in enumerate(self.assertions)},
        }

    def examples(self) -> dict[str, Example]:
        """Those that code is held to, by clause."""
        return {clause: said for clause, said in self._held().items() if isinstance(said, Example)}

    def predicates(self, kind: Literal["requires", "ensures"]) -> dict[str, Assertion]:
        """The assertions of a kind that code is held to, by clause."""
        assertions = {clause: said for clause, said in self._held().items() if isinstance(said, Assertion)}
        return {clause: a for clause, a in assertions.items() if a.kind == kind and is_predicate(a.expr)}

    def _held(self) -> dict[str, Example | Assertion]:
        return {clause: said for clause, said in self.clauses().items() if clause not in self.dropped}


def from_ir(ir: IR, stated: tuple[Example, ...]) -> Spec:
    """The IR as advice. An example that the user did not state is inferred, whatever the model says of its origin.

    A signature that cannot take the arguments of the user's examples is wrong, and nobody is held to it.
    """
    said = {(e.arguments, e.expect, e.value) for e in stated}
    return Spec(
        function=ir.signature.name,
        parameters=ir.signature.parameters if all(_takes(ir.signature, e) for e in stated) else None,
        is_async=ir.signature.is_async,
        stated=stated,
        inferred=tuple(
            e.model_copy(update={"origin": "inferred"})
            for e in ir.examples
            if (e.arguments, e.expect, e.value) not in said
        ),
        assertions=ir.assertions,
        may_mutate="mutates_arguments" in ir.effects.allowed or not ir.effects.pure,
        returns=ir.signature.returns,
        effects=ir.effects,
    )


def _takes(said: Signature, example: Example) -> bool:
    call = syntax.call(example.arguments)
    try:
        signature(said.parameters).bind(*call.args, **{str(k.arg): k.value for k in call.keywords})
    except (TypeError, ValueError):
        return False
    return True


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

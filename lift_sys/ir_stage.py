"""Stage 1: from the user's words to an IR."""

import keyword
from collections.abc import Sequence
from functools import cache

from lift_sys.engine import Engine
from lift_sys.errors import NoFunction, OutputInvalid, SpecificationInvalid
from lift_sys.examples import Stated, find, is_arguments, parse
from lift_sys.grammar.from_model import tree_of
from lift_sys.grammar.tree import Grammar
from lift_sys.ir_samples import SAMPLES, Sample
from lift_sys.ledger import Ledger
from lift_sys.outputs import CountInvalid, Refused, read_json, require_whole
from lift_sys.priorities import rank
from lift_sys.questions import is_example
from lift_sys.signatures import signature as signature_of
from lift_sys.stub import signature_in
from schemas.api import LiftRequest, StageReport
from schemas.engine import Chat, Completion, Message, Sampling
from schemas.ir import IR, Signature

_INSTRUCTIONS = """\
You specify Python functions. Read the request and answer with one JSON object that specifies one function.
- intent: asks_for is "other" if no function of arguments could answer, as for prose, talk, work on files or machines.
- signature: snake_case names unless the request gives one; precise types such as list[int]; defaults only if asked for.
- examples: 2 calls of your own, arguments and value as Python literals: take those of the request and change one \
thing in the input, so that you can be sure of the value. Where it has none, take the smallest inputs.
- assertions: at most 3 short Python expressions over the parameters and `result` that are true of every call.
- effects: which exceptions it raises on purpose, which modules it needs.
- holes: only what the request leaves open; else an empty list."""


IR_GRAMMAR = "ir"


def ir_grammar(max_tokens: int) -> Grammar:
    return Grammar(IR_GRAMMAR, tree_of(IR), max_tokens)


def ir_chat(request: LiftRequest) -> Chat:
    """The chat of the IR call. All but the last message is the same for every request: the prefix cache keeps it."""
    stated = stated_examples(request)
    hint = f"\n\nThe function is called {stated[0].function}." if stated else ""
    messages = (*_always(), Message(role="user", content=request.words + hint))
    return Chat(messages=messages, grammar=IR_GRAMMAR)


@cache
def _always() -> tuple[Message, ...]:
    return (
        Message(role="system", content=_INSTRUCTIONS),
        *(message for sample in SAMPLES for message in _shown(sample)),
    )


def _shown(sample: Sample) -> tuple[Message, Message]:
    return (
        Message(role="user", content=sample.request),
        Message(role="assistant", content=sample.ir.model_dump_json()),
    )


def stated_examples(request: LiftRequest) -> tuple[Stated, ...]:
    """The user's examples: those of the request's list, in its answers and in its words. All call one function.

    Raises `SpecificationInvalid` that names the one of the list that cannot be read, or calls another function.
    """
    listed: list[Stated] = []
    for index, text in enumerate(request.examples):
        try:
            listed.append(parse(text))
        except ValueError as error:
            raise SpecificationInvalid(f"examples.{index}", str(error)) from None
        if listed[-1].function != listed[0].function:
            raise SpecificationInvalid(f"examples.{index}", f"does not call {listed[0].function!r}, as the first does")
    listed += answered_examples(request)
    found = find(request.prompt, listed[0].function if listed else None)
    return tuple(dict.fromkeys((*listed, *found)))


def answered_examples(request: LiftRequest) -> tuple[Stated, ...]:
    """Those that the user gave in answer to a question."""
    return tuple(parse(answer.answer) for answer in request.answers if is_example(answer))


async def write_ir(
    request: LiftRequest, session: str, *, engine: Engine, max_tokens: int, max_attempts: int, count: CountInvalid
) -> tuple[IR, StageReport]:
    """Ask for an IR until one can be used; `count` hears of the others.

    Raises `OutputInvalid` after `max_attempts`, and `NoFunction` where the model sees no function in a request that has
    neither signature nor example.
    """
    ledger = Ledger("ir")
    stated, signature = stated_examples(request), signature_in(request.prompt)
    problem = ""
    for attempt in range(max_attempts):
        # The first try takes the likeliest text; the same again would be refused again.
        temperature = 0.0 if attempt == 0 else 0.7
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, priority=rank(request.priority, "ir"))
        [completion] = await ledger.charge(engine.generate([ir_chat(request)], sampling, session))
        try:
            ir = read_ir(completion, stated, signature)
        except Refused as refusal:
            count("ir", refusal.reason)
            problem = refusal.detail
            continue
        if ir.intent.asks_for == "other" and not stated and signature is None:
            raise NoFunction(ir.intent.rationale)
        return ir, ledger.report()
    raise OutputInvalid(f"no usable IR after {max_attempts} attempts: {problem}")


def known_ir(request: LiftRequest) -> tuple[IR, StageReport] | None:
    """The IR that a request brings, where no answer makes another of it. Raises `SpecificationInvalid`."""
    if request.ir is None or not all(map(is_example, request.answers)):
        return None
    if problem := why_unusable(request.ir):
        raise SpecificationInvalid("ir", problem)
    ir = _named_as_stated(request.ir, stated_examples(request))
    return ir, StageReport(stage="ir", seconds=0.0, attempts=0)


def read_ir(completion: Completion, stated: Sequence[Stated] = (), signature: Signature | None = None) -> IR:
    """The IR in an output; what the user says of name and signature is not the model's to change. Raises `Refused`."""
    require_whole(completion)
    ir = _named_as_stated(read_json(IR, completion.text), stated)
    if signature:
        ir = ir.model_copy(update={"signature": _typed_by(ir.signature, signature)})
    problem = why_unusable(ir)
    if problem:
        raise Refused("unusable", problem)
    return ir


def _named_as_stated(ir: IR, stated: Sequence[Stated]) -> IR:
    """The user's examples call the function by its name, so that name is not the model's to choose."""
    if not stated:
        return ir
    return ir.model_copy(update={"signature": ir.signature.model_copy(update={"name": stated[0].function})})


def _typed_by(guess: Signature, signature: Signature) -> Signature:
    """The user's signature, with the model's types where the user says none."""
    types = {parameter.name: parameter.type for parameter in guess.parameters}
    typed = tuple(
        p.model_copy(update={"type": types.get(p.name, p.type)}) if p.type == "Any" else p for p in signature.parameters
    )
    returns = guess.returns if signature.returns == "Any" else signature.returns
    return signature.model_copy(update={"parameters": typed, "returns": returns})


def why_unusable(ir: IR) -> str:
    """What makes it impossible to hold code to this IR, or nothing. A wrong example or predicate does not."""
    if keyword.iskeyword(ir.signature.name):
        return f"{ir.signature.name!r} is a keyword of Python"
    for parameter in ir.signature.parameters:
        if parameter.default is not None and not is_arguments(f"x={parameter.default}"):
            return f"the default of {parameter.name!r} is not a literal"
    stars = [parameter.kind for parameter in ir.signature.parameters if parameter.kind.startswith("var_")]
    if len(set(stars)) < len(stars):
        return "two parameters take all the rest"
    try:
        signature_of(ir.signature.parameters)
    except ValueError as error:
        return f"no function of Python has these parameters: {error}"
    return ""

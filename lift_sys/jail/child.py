"""What a run does: a job comes in, a report leaves, both as JSON.

A job names the source, the function and the calls; it holds no expected value. A report says how each call ended.
Nothing said here is believed outside: a report that is missing, too long or misshapen is the candidate's failure.
"""

import builtins
import io
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

from lift_sys.jail.inspection import inspect_source
from lift_sys.jail.values import TooLarge, Tree, encode

Json = dict[str, Any]

_MOST_HEARD = 100
_MOST_SLOW = 2
"""Calls of one run that may take their whole time. A program that is slow on so many will be on others, too."""
_REHEARSALS = 32


class TimeLimit(BaseException):
    """One call took too long. No `Exception`, so that a candidate's own handlers seldom swallow it."""


def work(job_text: bytes, nonce: str, report_to: int) -> NoReturn:
    """Do a job and write the report into a file. The process is confined already, and ends here."""
    job = json.loads(job_text)
    signal.signal(signal.SIGALRM, _stop)
    report = _WORK[job["kind"]](job)
    text = json.dumps({"nonce": nonce, **report}).encode()
    while text:
        text = text[os.write(report_to, text) :]
    os._exit(0)


def rehearse() -> None:
    """Do a job of our own several times, so that the interpreter has settled on how before it is forked.

    What it then no longer has to write, a run no longer has to copy: a fifth of a small run's time.
    """
    source = "def f(x):\n    return [x]\n"
    job = {"kind": "run", "source": source, "function": "f", "calls": ["1"], "describe": False, "call_s": 1, "cpu_s": 1}
    for _ in range(_REHEARSALS):
        json.dumps(run(json.loads(json.dumps(job))))
    del sys.modules["candidate"]
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def run(job: Json) -> Json:
    """Compile and import the source, then make the calls."""
    try:
        program = compile(job["source"], "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"trouble": {"clause": "parse", "detail": _describe(error)}}
    namespace = _module()
    try:
        exec(program, namespace)
    except BaseException as error:
        return {"trouble": {"clause": "import", "detail": _describe(error)}}
    function = namespace.get(job["function"])
    if not callable(function):
        return {"trouble": {"clause": "signature", "detail": f"defines no function {job['function']}"}}
    facts: Json = _facts(function) if job["describe"] else {}
    return {**facts, "outcomes": _outcomes(function, job)}


def _module() -> dict[str, Any]:
    """A namespace in a module of its own: dataclasses and typing look their module up."""
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module
    return module.__dict__


def _facts(function: Any) -> Json:
    """What a function takes. It can only be asked for where the text does not tell, and costs a run some time."""
    import inspect

    facts: Json = {"is_async": inspect.iscoroutinefunction(function), "parameters": None}
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return facts
    required = inspect.Parameter.empty
    parameters = signature.parameters.values()
    facts["parameters"] = [{"name": p.name, "kind": p.kind.name, "required": p.default is required} for p in parameters]
    return facts


def look(job: Json) -> Json:
    """What the source tells without being run."""
    return inspect_source(job["source"], job["function"])


def _outcomes(function: Any, job: Json) -> list[Json]:
    """How the calls ended, one after the other. Slow ones shall not spend what is left for the report."""
    until = time.monotonic() + 0.8 * job["cpu_s"]
    outcomes: list[Json] = []
    slow = 0
    for arguments in job["calls"]:
        limit_s = min(job["call_s"], until - time.monotonic()) if slow < _MOST_SLOW else 0.0
        outcomes.append(_call(function, arguments, limit_s))
        slow += outcomes[-1].get("raised") == TimeLimit.__name__
    return outcomes


def _call(function: Any, arguments: str, limit_s: float) -> Json:
    """How one call ended: `returned` a tree or `raised` an exception, and whether it `mutated` its arguments."""
    if limit_s <= 0:
        return {"raised": TimeLimit.__name__, "detail": f"{TimeLimit.__name__}: no time left for this call"}
    args, kwargs = _arguments(arguments)
    before = _encoded([args, kwargs])
    sys.stdout = sys.stderr = heard = _Heard()
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        outcome: Json = {"returned": encode(_result(function(*args, **kwargs)))}
    except BaseException as error:
        kinds = [_name(kind) for kind in type(error).__mro__[:8]]
        outcome = {"raised": kinds[0], "kinds": kinds, "detail": _describe(error)}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return {**outcome, "mutated": before != _encoded([args, kwargs]), "printed": _printable(heard.beginning)}


class _Heard(io.TextIOBase):
    """A stream that keeps the beginning of what is written, and forgets the rest."""

    def __init__(self) -> None:
        self.beginning = ""

    def write(self, text: str) -> int:
        self.beginning += text[: _MOST_HEARD - len(self.beginning)]
        return len(text)

    def writable(self) -> bool:
        return True


def _result(value: Any) -> Any:
    """What a coroutine comes to, too. Without asyncio there is nothing to wait for, and no loop is needed."""
    if not hasattr(type(value), "__await__"):
        return value
    if asyncio := sys.modules.get("asyncio"):
        return asyncio.run(_wait(value))
    try:
        _wait(value).send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("waits for what never comes")


def _encoded(arguments: list[Any]) -> Tree | None:
    try:
        return encode(arguments)
    except TooLarge:
        return None


def _stop(signum: int, frame: types.FrameType | None) -> NoReturn:
    raise TimeLimit("too slow")


async def _wait(awaitable: Any) -> Any:
    return await awaitable


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The values between a call's parentheses."""
    args, kwargs = _literal(f"_({text})", _=lambda *args, **kwargs: (args, kwargs))
    return list(args), kwargs


def _literal(text: str, **names: Any) -> Any:
    """The value of a literal: it was checked outside, and is evaluated since reading its tree costs a run much more."""
    return eval(text, {"__builtins__": {}, "set": set, **names})


def evaluate(job: Json) -> Json:
    """Whether each predicate holds in each scope; a predicate that raises does not hold, and says why."""
    return {"outcomes": [[_holds(p, scope) for scope in job["scopes"]] for p in job["predicates"]]}


def _holds(predicate: str, scope: dict[str, str]) -> Json:
    names = {name: _literal(text) for name, text in scope.items()}
    try:
        return {"holds": bool(eval(predicate, {"__builtins__": builtins, **names}))}
    except BaseException as error:
        return {"holds": False, "raised": _describe(error)}


_WORK: dict[str, Callable[[Json], Json]] = {"run": run, "inspect": look, "predicates": evaluate}
"""By a job's kind."""


def _describe(error: BaseException) -> str:
    try:
        said = str(error)
    except BaseException:  # a candidate's own exception may fail to print
        said = ""
    return f"{_name(type(error))}: {_printable(said[:300])}" if said else _name(type(error))


def _printable(text: str) -> str:
    """Half a character has no place in a report."""
    return text.encode(errors="backslashreplace").decode()


def _name(kind: type) -> str:
    return kind.__name__[:100]

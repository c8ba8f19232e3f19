"""What a run does: a job comes in, a report leaves, both as JSON.

A job names the source, the function and the calls; it holds no expected value. A report says how each call ended.
Nothing said here is believed outside: a report that is missing, too long or misshapen is the candidate's failure.
"""

import ast
import builtins
import inspect
import json
import os
import signal
import sys
import time
import types
from typing import Any, NoReturn

from lift_sys.jail.values import TooLarge, Tree, encode

Json = dict[str, Any]

_REFUSED = {
    "os.fork",
    "os.forkpty",
    "os.exec",
    "os.posix_spawn",
    "os.system",
    "subprocess.Popen",
    "os.kill",
    "os.killpg",
}


class TimeLimit(BaseException):
    """One call took too long. No `Exception`, so that a candidate's own handlers seldom swallow it."""


def work(job_text: bytes, nonce: str, report_to: int) -> NoReturn:
    """Do a job and write the report into a file. The process is confined already, and ends here."""
    job = json.loads(job_text)
    sys.addaudithook(_refuse_processes)
    signal.signal(signal.SIGALRM, _stop)
    report = evaluate(job) if job["kind"] == "predicates" else run(job)
    text = json.dumps({"nonce": nonce, **report}).encode()
    while text:
        text = text[os.write(report_to, text) :]
    os._exit(0)


def _refuse_processes(event: str, args: tuple[Any, ...]) -> None:
    """A clearer answer, and sooner, than that of the kernel's filter."""
    if event in _REFUSED or event.startswith("ctypes."):
        raise PermissionError(f"{event} is not allowed here")


def run(job: Json) -> Json:
    """Parse, compile and import the source, then make the calls."""
    try:
        tree = ast.parse(job["source"])
        program = compile(tree, "<candidate>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"trouble": {"clause": "parse", "detail": _describe(error)}}
    facts: Json = {"imports": sorted(_imports(tree))}
    namespace = _module()
    try:
        exec(program, namespace)
    except BaseException as error:
        return {"trouble": {"clause": "import", "detail": _describe(error)}, **facts}
    function = namespace.get(job["function"])
    if not callable(function):
        return {"trouble": {"clause": "signature", "detail": f"defines no function {job['function']}"}, **facts}
    facts |= {"parameters": _parameters(function), "is_async": inspect.iscoroutinefunction(function)}
    return {**facts, "outcomes": _outcomes(function, job)}


def _module() -> dict[str, Any]:
    """A namespace in a module of its own: dataclasses and typing look their module up."""
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module
    return module.__dict__


def _imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def _parameters(function: Any) -> list[Json] | None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    required = inspect.Parameter.empty
    return [
        {"name": p.name, "kind": p.kind.name, "required": p.default is required} for p in signature.parameters.values()
    ]


def _outcomes(function: Any, job: Json) -> list[Json]:
    """How the calls ended, one after the other. Slow ones shall not spend what is left for the report."""
    until = time.monotonic() + 0.8 * job["cpu_s"]
    return [_call(function, arguments, min(job["call_s"], until - time.monotonic())) for arguments in job["calls"]]


def _call(function: Any, arguments: str, limit_s: float) -> Json:
    """How one call ended: `returned` a tree or `raised` an exception, and whether it `mutated` its arguments."""
    if limit_s <= 0:
        return {"raised": TimeLimit.__name__, "detail": f"{TimeLimit.__name__}: no time left for this call"}
    args, kwargs = _arguments(arguments)
    before = _encoded([args, kwargs])
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        outcome: Json = {"returned": encode(_result(function(*args, **kwargs)))}
    except BaseException as error:
        kinds = [_name(kind) for kind in type(error).__mro__[:8]]
        outcome = {"raised": kinds[0], "kinds": kinds, "detail": _describe(error)}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return {**outcome, "mutated": before != _encoded([args, kwargs])}


def _result(value: Any) -> Any:
    if not inspect.isawaitable(value):
        return value
    import asyncio  # 50 ms, and few candidates are coroutines

    return asyncio.run(_wait(value))


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
    """The values between a call's parentheses, all literals: checked outside before they came here."""
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    return (
        [ast.literal_eval(arg) for arg in call.args],
        {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords},
    )


def evaluate(job: Json) -> Json:
    """Whether each predicate holds in each scope; a predicate that raises does not hold, and says why."""
    return {"outcomes": [[_holds(p, scope) for scope in job["scopes"]] for p in job["predicates"]]}


def _holds(predicate: str, scope: dict[str, str]) -> Json:
    names = {name: ast.literal_eval(text) for name, text in scope.items()}
    try:
        return {"holds": bool(eval(predicate, {"__builtins__": builtins, **names}))}
    except BaseException as error:
        return {"holds": False, "raised": _describe(error)}


def _describe(error: BaseException) -> str:
    try:
        said = str(error)
    except BaseException:  # a candidate's own exception may fail to print
        said = ""
    printable = said[:300].encode(errors="backslashreplace").decode()
    return f"{_name(type(error))}: {printable}" if said else _name(type(error))


def _name(kind: type) -> str:
    return kind.__name__[:100]

"""Tasks with a solution known to be right and many inputs, as HumanEval+ and MBPP+ publish them: JSON lines."""

import ast
import builtins
import contextlib
import gzip
import json
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lift_sys.examples import is_arguments

LONGEST = 4_000
"""Characters of an argument text or a precondition. A longer one is left out."""
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Task:
    id: str
    prompt: str
    function: str
    solution: str
    """Complete source that defines the function."""
    base: tuple[str, ...]
    """Argument texts of the inputs that the dataset began with."""
    plus: tuple[str, ...]
    """Those that were added to catch more wrong programs."""
    tolerance: float
    """By how much a number in a result may be off; 0 where none is named."""
    preconditions: tuple[str, ...]
    """Python expressions over the parameters."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    base_input: list[list[Any]]
    plus_input: list[list[Any]] | Annotated[dict[str, Any], Field(max_length=0)]
    """An empty object stands for no inputs."""
    atol: float = 0
    contract: str = ""
    test: str | None = None
    """HumanEval's calls of `candidate`. There the solution goes on where the prompt ends."""
    assertion: str = ""
    """MBPP's calls of the function."""


def read(path: Path) -> list[Task]:
    """The tasks of a file, also of a gzipped one. Raises `ValueError` that names the file and the line."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror or error}") from None
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [_task(line, f"{path.name}, line {number}") for number, line in lines]


def parsed(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a backslash in somebody's string is no concern of ours
        return ast.parse(source)


def _task(text: str, where: str) -> Task:
    try:
        line = _Line.model_validate(json.loads(text))
        return _read(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: not JSON: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


def _read(line: _Line) -> Task:
    solution = line.canonical_solution if line.test is None else line.prompt + line.canonical_solution
    definitions = [n for n in parsed(solution).body if isinstance(n, ast.FunctionDef) and n.name == line.entry_point]
    if not definitions:
        raise ValueError(f"canonical_solution: defines no function {line.entry_point!r}")
    parameters = {n.arg for n in ast.walk(definitions[-1].args) if isinstance(n, ast.arg)}
    call = _first_call(line)
    plus = line.plus_input if isinstance(line.plus_input, list) else []
    return Task(
        id=line.task_id,
        prompt=line.prompt,
        function=line.entry_point,
        solution=solution,
        base=tuple(_argument_texts(line.base_input, call)),
        plus=tuple(_argument_texts(plus, call)),
        tolerance=line.atol,
        preconditions=tuple(_preconditions(line.contract, parameters)),
    )


def _first_call(line: _Line) -> list[Any]:
    """The arguments of the first call with literals in the dataset's own tests; none if there is no such call."""
    name = line.entry_point if line.test is None else "candidate"
    calls = [n for n in ast.walk(parsed(line.test or line.assertion)) if isinstance(n, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == name and not call.keywords:
            with contextlib.suppress(ValueError):
                return [ast.literal_eval(argument) for argument in call.args]
    return []


def _argument_texts(inputs: list[list[Any]], call: list[Any]) -> Iterator[str]:
    for values in inputs:
        alike = len(values) == len(call)
        shaped = [_shaped(v, model) for v, model in zip(values, call, strict=True)] if alike else values
        text = ", ".join(map(repr, shaped))
        if len(text) <= LONGEST and is_arguments(text):
            yield text


def _shaped(value: Any, model: Any) -> Any:
    """The value with tuples where the model has them: JSON knows only lists."""
    if not isinstance(value, list) or not isinstance(model, list | tuple):
        return value
    inner = next((part for part in model if isinstance(part, list | tuple)), None)
    return type(model)(_shaped(part, inner) for part in value)


def _preconditions(contract: str, parameters: set[str]) -> Iterator[str]:
    """What the contract asserts of the parameters alone. What it asserts with the help of other statements is lost."""
    blocks = parsed(f"if True:\n{contract}").body if contract.strip() else []
    statements = [s for block in blocks if isinstance(block, ast.If) for s in block.body]
    assertions = [s.test for s in statements if isinstance(s, ast.Assert)]
    rebound = {name for s in statements if not isinstance(s, ast.Assert) for name in _names(s, ast.Store)}
    for test in assertions:
        free, text = _names(test, ast.Load) - _names(test, ast.Store), ast.unparse(test)
        if free <= (parameters | _BUILTINS) - rebound and len(text) <= LONGEST:
            yield text


def _names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}

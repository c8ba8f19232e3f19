"""A request that is itself the beginning of a function: its header, and words or examples in its docstring."""

import ast
import re
from collections.abc import Iterator

from pydantic import ValidationError

from lift_sys import syntax
from lift_sys.examples import is_literal
from schemas.ir import Kind, Parameter, Signature

_BLOCK = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)


def stub(prompt: str) -> str | None:
    """The code in a request that ends where a function's body is to begin, or None if it is not that.

    It is the whole request, or the one code block of it.
    """
    source = _source(prompt)
    function = _last_function(source)
    end = _end_of_docstring(function) if function else None
    return None if end is None else "\n".join(source.splitlines()[:end]) + "\n"


def signature_in(prompt: str) -> Signature | None:
    """The signature that the user wrote; None where there is no stub, or its signature is none that an IR can say."""
    function = _last_function(_source(prompt)) if stub(prompt) is not None else None
    if function is None:
        return None
    returns = ast.unparse(function.returns) if function.returns else "Any"
    is_async = isinstance(function, ast.AsyncFunctionDef)
    try:
        parameters = tuple(_parameters(function.args))
        return Signature(name=function.name, parameters=parameters, returns=returns, is_async=is_async)
    except ValidationError:
        return None


def _source(prompt: str) -> str:
    blocks: list[str] = _BLOCK.findall(prompt)
    return blocks[0] if len(blocks) == 1 else prompt


def _last_function(source: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The last statement, if it defines a function."""
    try:
        tree = syntax.module(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    last = tree.body[-1] if tree.body else None
    return last if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    for argument, default in zip(positional, [*missing, *arguments.defaults], strict=True):
        yield _parameter(argument, "positional", default)
    if arguments.vararg:
        yield _parameter(arguments.vararg, "var_positional")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, "keyword_only", default)
    if arguments.kwarg:
        yield _parameter(arguments.kwarg, "var_keyword")


def _parameter(argument: ast.arg, kind: Kind, default: ast.expr | None = None) -> Parameter:
    """A default that is no literal is said to be None: there is one."""
    said = ast.unparse(default) if default else None
    return Parameter(
        name=argument.arg,
        type=ast.unparse(argument.annotation) if argument.annotation else "Any",
        kind=kind,
        default=said if said is None or is_literal(said) else "None",
    )


def _end_of_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int | None:
    """The number of its last line, where nothing else is in the body but what stands for one."""
    if ast.get_docstring(function, clean=False) is None:
        return None
    documentation, *rest = function.body
    return documentation.end_lineno if all(_stands_for_nothing(statement) for statement in rest) else None


def _stands_for_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)

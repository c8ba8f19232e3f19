"""Python's own parser, made safe for several threads.

CPython 3.11.7 counts the depth of the trees that all threads make in one place, and fails with `SystemError` when two
meet (https://github.com/python/cpython/issues/106905).
"""

import ast
import threading
import warnings
from typing import Any

_ONE_AT_A_TIME = threading.Lock()


def expression(text: str) -> ast.expr:
    """The tree of an expression. Raises what `ast.parse` raises."""
    with _ONE_AT_A_TIME:
        return ast.parse(text, mode="eval").body


def module(text: str) -> ast.Module:
    """The tree of a module. Raises what `ast.parse` raises."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def compiles(text: str) -> bool:
    """Whether an expression that can be parsed can be compiled too: the compiler refuses some that the parser takes."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<expression>", "eval", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def call(arguments: str) -> ast.Call:
    """The tree of a call with these arguments. Raises as well `ValueError` for a text that goes on behind the call."""
    tree = expression(f"f({arguments})")
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise ValueError(f"not the arguments of one call: {arguments[:80]}")
    return tree


def literal(text: str) -> Any:
    """The value of a literal. Raises what `ast.literal_eval` raises."""
    with _ONE_AT_A_TIME:
        return ast.literal_eval(text)

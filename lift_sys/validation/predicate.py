"""Which texts of a model may be evaluated as predicates: one expression that looks, and touches nothing.

The sandbox holds without this: it is a clearer answer, sooner, and before any code is run.
"""

import ast

from lift_sys import syntax

_LONGEST = 500
"""Characters of a predicate. A model has 48 tokens for one."""
_NO_EXPRESSION = "it is not an expression in Python"
_NODES = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.keyword,
    ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop, ast.IfExp,
    ast.List, ast.Tuple, ast.Set, ast.Dict, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.comprehension, ast.Store, ast.Starred, ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip
_REFUSED = {
    ast.NamedExpr: "an assignment", ast.Lambda: "a lambda", ast.Await: "an await",
    ast.Yield: "a yield", ast.YieldFrom: "a yield",
}  # fmt: skip
_FUNCTIONS = frozenset({
    "abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "float", "frozenset",
    "hex", "int", "isinstance", "issubclass", "len", "list", "max", "min", "next", "oct", "ord", "pow", "range", "repr",
    "reversed", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip",
})  # fmt: skip
"""Builtins that end, change nothing and, but for a key, call nothing."""
_KEYED = frozenset({"max", "min", "sorted"})
_OF_NUMBERS = frozenset({
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "imag", "is_integer", "numerator",
    "real",
})  # fmt: skip
_OF_TEXTS = frozenset({
    "capitalize", "casefold", "center", "count", "decode", "encode", "endswith", "expandtabs", "find", "format", "hex",
    "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
    "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans", "partition",
    "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split",
    "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
})  # fmt: skip
_OF_CONTAINERS = frozenset({
    "copy", "count", "difference", "get", "index", "intersection", "isdisjoint", "issubset", "issuperset", "items",
    "keys", "symmetric_difference", "union", "values",
})  # fmt: skip
_ATTRIBUTES = _OF_NUMBERS | _OF_TEXTS | _OF_CONTAINERS
_MUTATING = frozenset({
    "add", "append", "clear", "difference_update", "discard", "extend", "insert", "intersection_update", "pop",
    "popitem", "remove", "reverse", "setdefault", "sort", "symmetric_difference_update", "update",
})  # fmt: skip


def is_predicate(text: str) -> bool:
    """Whether the text is one Python expression that only looks: see `why_no_predicate`."""
    return why_no_predicate(text) is None


def why_no_predicate(text: str) -> str | None:
    """Why the text is not one Python expression of literals, names and harmless calls; None if it is."""
    if len(text) > _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    try:
        tree = syntax.expression(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _NO_EXPRESSION
    refused = next((why for node in ast.walk(tree) if (why := _why_refused(node))), None)
    return refused or (None if syntax.compiles(text) else _NO_EXPRESSION)


def _why_refused(node: ast.AST) -> str | None:
    match node:
        case ast.Name() | ast.Attribute():
            return _why_not_named(node)
        case ast.Call():
            return _why_not_called(node)
        case ast.comprehension(is_async=1):
            return "it has an await"
        case ast.FormattedValue(format_spec=ast.JoinedStr(values=parts)):
            return "it has a format within a format" if any(isinstance(p, ast.FormattedValue) for p in parts) else None
    return None if isinstance(node, _NODES) else f"it has {_REFUSED.get(type(node), type(node).__name__)}"


def _why_not_named(node: ast.Name | ast.Attribute) -> str | None:
    """Attributes count whether they are called or not: a method may be passed on as a key."""
    match node:
        case ast.Name(id=name) if name.startswith("_") and name != "_":
            return f"it uses the private name {name}"
        case ast.Name(id=name, ctx=ast.Store()) if name in _FUNCTIONS:
            return f"it gives {name} another meaning"
        case ast.Attribute(attr=name) if name in _MUTATING:
            return f"it has a side effect: .{name}"
        case ast.Attribute(attr=name) if name not in _ATTRIBUTES:
            return f"it uses .{name}, which is not on the list of harmless attributes"
    return None


def _why_not_called(call: ast.Call) -> str | None:
    if not isinstance(call.func, ast.Name):
        return None if isinstance(call.func, ast.Attribute) else "it calls something without a name"
    if call.func.id not in _FUNCTIONS:
        return f"it calls {call.func.id}, which is not on the list of harmless functions"
    for keyword in call.keywords:
        if keyword.arg is None:
            return "it unpacks a dict into keywords"
        if keyword.arg == "key" and call.func.id in _KEYED and not _is_function(keyword.value):
            return "its key is not a harmless function"
    return None


def _is_function(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id in _FUNCTIONS)

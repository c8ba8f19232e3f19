"""What a candidate's source tells without being run, and so what the candidate cannot forge."""

import ast
import warnings
from collections.abc import Callable, Iterator
from typing import TypeGuard

from lift_sys.jail.effects import Json, effects, literal_imports
from lift_sys.jail.names import Meaning, Program

MAX_CHARACTERS = 200_000
_MOST_HINTS = 5
_MOST_ALIASES = 20
_MOST_PARAMETERS = 256
_LONGEST_TEXT = 200
_LARGE = 10**7
_LARGEST = 10**18
"""Where the arithmetic of literals stops."""
_DEEPEST = 10

_KEEPING = frozenset(
    {
        *("functools.cache", "functools.lru_cache", "functools.singledispatch", "contextlib.contextmanager"),
        *("contextlib.asynccontextmanager", "typing.final", "typing.override", "typing.no_type_check"),
    }
)
"""Decorators that leave a signature as it is written."""
_NO_FUNCTIONS = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.While, ast.For, ast.AsyncFor)
_LEAVING = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)
_BRANCHES = (ast.If, ast.IfExp, ast.BoolOp, ast.Match, ast.Try, ast.TryStar, ast.Assert, ast.comprehension)
_SEQUENCES = (ast.List, ast.Tuple, ast.JoinedStr)
_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Pow: lambda a, b: int(a ** min(b, 64)),
    ast.LShift: lambda a, b: a << min(b, 64),
}


def inspect_source(source: str, function: str) -> Json:
    """The `trouble` with the source, or what it tells of itself and of the function. Never raises for what it is."""
    try:
        tree = _parse(source)
        program = Program(tree)
        found = effects(program)
        signature = _signature(program, function, any(effect["effect"] == "dynamic" for effect in found))
        if "trouble" in signature:
            return signature
        return {"imports": _imports(tree, program), **signature, "effects": found, "hints": _hints(tree, source)}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _trouble("parse", f"{type(error).__name__}: {error}")


def _trouble(clause: str, detail: str) -> Json:
    return {"trouble": {"clause": clause, "detail": _printable(detail)}}


def _parse(source: str) -> ast.Module:
    """Compiled as well, since some errors of syntax only show then."""
    if len(source) > MAX_CHARACTERS:
        raise ValueError(f"longer than {MAX_CHARACTERS} characters")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source, "<candidate>")
        compile(tree, "<candidate>", "exec")
    return tree


def _imports(tree: ast.Module, program: Program) -> list[str]:
    names = literal_imports(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("" if node.level else node.module or "")
    return sorted({_printable(name.split(".")[0]) for name in names})


def _signature(program: Program, function: str, dynamic: bool) -> Json:
    """As far as the text tells it: null stands for whatever it is."""
    if function not in program.module.bound and not (dynamic or program.stars):
        return _trouble("signature", f"defines no function {function}")
    meaning = _meaning(program, function)
    if isinstance(meaning, _NO_FUNCTIONS):
        return _trouble("signature", f"defines no function {function}")
    if isinstance(meaning, ast.Lambda):
        return {"parameters": _parameters(meaning.args), "returns": None, "is_async": False}
    if not isinstance(meaning, ast.FunctionDef | ast.AsyncFunctionDef) or not _keeps_signature(program, meaning):
        return {"parameters": None, "returns": None, "is_async": None}
    yields = any(isinstance(node, ast.Yield) for node in _own(meaning.body))
    is_async = isinstance(meaning, ast.AsyncFunctionDef) and not yields
    return {"parameters": _parameters(meaning.args), "returns": _text(meaning.returns), "is_async": is_async}


def _meaning(program: Program, function: str) -> Meaning:
    """What the module binds the name to last, by way of other names."""
    meaning: Meaning = ast.Name(function)
    for _ in range(_MOST_ALIASES):
        if not isinstance(meaning, ast.Name) or meaning.id not in program.module.bound:
            break
        meaning, _scope = program.module.bound[meaning.id][-1]
    return meaning


def _keeps_signature(program: Program, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
    meant = [program.resolve(decorator, program.module) for decorator in decorators]
    return all(names and names <= _KEEPING for names in meant)


def _parameters(args: ast.arguments) -> list[Json]:
    positional = [*args.posonlyargs, *args.args]
    required = len(positional) - len(args.defaults)
    rows = [(arg, "POSITIONAL_OR_KEYWORD", index < required) for index, arg in enumerate(positional)]
    rows[: len(args.posonlyargs)] = [
        (arg, "POSITIONAL_ONLY", is_required) for arg, _, is_required in rows[: len(args.posonlyargs)]
    ]
    if args.vararg:
        rows.append((args.vararg, "VAR_POSITIONAL", True))
    rows += [(a, "KEYWORD_ONLY", default is None) for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg:
        rows.append((args.kwarg, "VAR_KEYWORD", True))
    return [
        {"name": _printable(arg.arg), "kind": kind, "required": is_required, "annotation": _text(arg.annotation)}
        for arg, kind, is_required in rows[:_MOST_PARAMETERS]
    ]


def _text(annotation: ast.expr | None) -> str | None:
    return _printable(ast.unparse(annotation)) if annotation else None


def _hints(tree: ast.Module, source: str) -> list[Json]:
    """The first few places that may run for ever or need too much memory."""
    nodes = list(ast.walk(tree))
    methods = {child for node in nodes if isinstance(node, ast.ClassDef) for child in node.body}
    tried = {
        child for node in nodes if isinstance(node, ast.Try) for child in node.body if isinstance(child, ast.While)
    }
    costly = [node for node in nodes if node not in tried and _is_costly(node, node in methods)]
    return [_hint(node, source) for node in sorted(costly, key=lambda node: node.lineno)[:_MOST_HINTS]]


def _is_costly(node: ast.AST, is_method: bool) -> TypeGuard[ast.stmt | ast.expr]:
    if isinstance(node, ast.While):
        return _is_endless(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _calls_itself_always(node, is_method)
    return isinstance(node, ast.BinOp | ast.Call) and _is_large(node)


def _hint(node: ast.stmt | ast.expr, source: str) -> Json:
    if isinstance(node, ast.While):
        what = "while True without a way out"
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        what = f"{node.name} calls itself on no condition"
    else:
        what = f"{ast.get_source_segment(source, node)} is large"
    return {"what": _printable(what), "line": node.lineno}


def _own(statements: list[ast.stmt], others: tuple[type[ast.AST], ...] = _SCOPES) -> Iterator[ast.AST]:
    """The nodes of a block, without what is inside of other functions."""
    todo: list[ast.AST] = [*statements]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, others):
            todo.extend(ast.iter_child_nodes(node))


def _is_endless(loop: ast.While) -> bool:
    if not isinstance(loop.test, ast.Constant) or not loop.test.value:
        return False
    leaves = any(isinstance(node, _LEAVING) for node in _own(loop.body))
    return not leaves and not any(isinstance(node, ast.Break) for node in _own(loop.body, (*_SCOPES, *_LOOPS)))


def _calls_itself_always(function: ast.FunctionDef | ast.AsyncFunctionDef, is_method: bool) -> bool:
    own = list(_own(function.body))
    calls = [node.func for node in own if isinstance(node, ast.Call)]
    calls_itself = any(_is_named(called, function.name, is_method) for called in calls)
    return calls_itself and not any(isinstance(node, (*_BRANCHES, *_LOOPS)) for node in own)


def _is_named(called: ast.expr, name: str, is_method: bool) -> bool:
    if not is_method:
        return isinstance(called, ast.Name) and called.id == name
    return isinstance(called, ast.Attribute) and called.attr == name and getattr(called.value, "id", "") == "self"


def _is_large(node: ast.BinOp | ast.Call) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and any(_exceeds(arg) for arg in _sizes(node.func.id, node.args))
    if isinstance(node.op, ast.Mult):
        return any(_is_sequence(a) and _exceeds(b) for a, b in ((node.left, node.right), (node.right, node.left)))
    return isinstance(node.op, ast.Pow | ast.LShift) and _exceeds(node.right)


def _sizes(function: str, args: list[ast.expr]) -> list[ast.expr]:
    """The arguments that say how much is to be done."""
    if function == "pow" and len(args) == 2:
        return args[1:]
    return args if function == "range" else []


def _is_sequence(node: ast.expr) -> bool:
    return isinstance(node, _SEQUENCES) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _exceeds(node: ast.expr) -> bool:
    return (_number(node) or 0) > _LARGE


def _number(node: ast.expr, depth: int = 0) -> int | None:
    """What integer literals come to, as far as that is small."""
    if isinstance(node, ast.Constant):
        return min(node.value, _LARGEST) if type(node.value) is int else None
    if not isinstance(node, ast.BinOp) or type(node.op) not in _ARITHMETIC or depth == _DEEPEST:
        return None
    left, right = _number(node.left, depth + 1), _number(node.right, depth + 1)
    if left is None or right is None or right < 0:
        return None
    return min(_ARITHMETIC[type(node.op)](left, right), _LARGEST)


def _printable(text: str) -> str:
    """Short, and free of whatever could garble a report or a terminal."""
    short = text[:_LONGEST_TEXT]
    return short if short.isprintable() else ascii(short)[1:-1]

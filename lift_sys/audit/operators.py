"""Slips of programmers: for a node of a syntax tree, what may stand there by mistake. One function a kind of slip."""

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

Operator = Callable[[ast.AST], Iterator[ast.AST]]
"""Yields whole nodes, which share their children with the one given and leave it alone."""
Node = TypeVar("Node", bound=ast.AST)

_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Div,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}  # fmt: skip
_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_BOUNDARIES: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
_DISPLAYS = (ast.List, ast.ListComp, ast.Tuple, ast.Dict, ast.DictComp, ast.Set, ast.SetComp, ast.JoinedStr)
_DELETED = (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.While, ast.Return, ast.Raise, ast.Delete)


@dataclass(frozen=True)
class _Slot:
    """Where a node holds an expression."""

    parent: ast.AST
    field: str
    index: int | None
    """In the field's list; None where the field holds a single node."""
    node: ast.expr

    def holding(self, node: ast.expr) -> ast.AST:
        """The parent with another expression there."""
        if self.index is None:
            return _with(self.parent, **{self.field: node})
        nodes = list(getattr(self.parent, self.field))
        nodes[self.index] = node
        return _with(self.parent, **{self.field: nodes})


def _slots(parent: ast.AST, field: str) -> Iterator[_Slot]:
    value = getattr(parent, field)
    if isinstance(value, list):
        yield from (_Slot(parent, field, index, node) for index, node in enumerate(value))
    elif value is not None:
        yield _Slot(parent, field, None, value)


def _arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield _with(node, op=_ARITHMETIC[type(node.op)]())


def _comparison(node: ast.AST) -> Iterator[ast.AST]:
    yield from _compared(node, _COMPARISONS)


def _boundary(node: ast.AST) -> Iterator[ast.AST]:
    yield from _compared(node, _BOUNDARIES)


def _compared(node: ast.AST, others: Mapping[type[ast.cmpop], type[ast.cmpop]]) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            if type(op) in others:
                yield _with(node, ops=[*node.ops[:index], others[type(op)](), *node.ops[index + 1 :]])


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield _with(node, value=not value)
    elif isinstance(value, int | float):
        yield from (_with(node, value=other) for other in (value + 1, value - 1, type(value)(0)))
    elif isinstance(value, str):
        yield _with(node, value="" if value else "?")


def _off_by_one(node: ast.AST) -> Iterator[ast.AST]:
    for slot in _positions(node):
        part = slot.node
        if isinstance(part, ast.Constant) and type(part.value) is int:
            yield from (slot.holding(_with(part, value=part.value + step)) for step in (1, -1))
        elif not isinstance(part, ast.Constant | ast.Starred | ast.Tuple):
            yield from (slot.holding(ast.BinOp(part, op, ast.Constant(1))) for op in (ast.Add(), ast.Sub()))


def _positions(node: ast.AST) -> Iterator[_Slot]:
    """What counts places: an index, the ends of a slice, the arguments of `range`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        yield from _slots(node, "args")
    elif isinstance(node, ast.Slice):
        yield from (*_slots(node, "lower"), *_slots(node, "upper"))
    elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        yield from _slots(node, "slice")


def _connector(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _negated_condition(node: ast.AST) -> Iterator[ast.AST]:
    yield from (slot.holding(_negated(slot.node)) for slot in _conditions(node))


def _removed_condition(node: ast.AST) -> Iterator[ast.AST]:
    for slot in _conditions(node):
        if not isinstance(node, ast.While):  # which would seldom end
            yield slot.holding(ast.Constant(True))
        yield slot.holding(ast.Constant(False))


def _conditions(node: ast.AST) -> Iterator[_Slot]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _slots(node, "test")
    elif isinstance(node, ast.comprehension):
        yield from _slots(node, "ifs")


def _returned_value(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Return) and node.value is not None:
        others = (ast.Constant(None), _empty(node.value), _opposite(node.value))
        yield from (_with(node, value=other) for other in others if other)


def _empty(value: ast.expr) -> ast.expr:
    """A constant that a lazy program might return in place of the value."""
    if isinstance(value, ast.List | ast.ListComp):
        return ast.List([], ast.Load())
    if isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str)):
        return ast.Constant("")
    return ast.Constant(False) if _is_truth(value) else ast.Constant(0)


def _opposite(value: ast.expr) -> ast.expr | None:
    if _is_truth(value):
        return _negated(value)
    return _without_minus(value) or (ast.UnaryOp(ast.USub(), value) if _may_be_number(value) else None)


def _may_be_number(value: ast.expr) -> bool:
    return isinstance(value.value, int | float) if isinstance(value, ast.Constant) else not isinstance(value, _DISPLAYS)


def _is_truth(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    return isinstance(value, ast.Compare | ast.BoolOp) or _is_bool(value)


def _is_bool(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, bool)


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.Constant) and isinstance(test.value, bool):
        return ast.Constant(not test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)


def _deleted_statement(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, _DELETED):
        yield ast.Pass()


def _removed_minus(node: ast.AST) -> Iterator[ast.AST]:
    if operand := _without_minus(node):
        yield operand


def _without_minus(node: ast.AST) -> ast.expr | None:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else None


def _break_or_continue(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def _augmented_assignment(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign):
        if type(node.op) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(node.op)]())
        yield ast.copy_location(ast.Assign([node.target], node.value), node)


def _with(node: Node, **fields: object) -> Node:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


OPERATORS: Mapping[str, Operator] = {
    "arithmetic": _arithmetic,
    "comparison": _comparison,
    "boundary": _boundary,
    "constant": _constant,
    "off by one": _off_by_one,
    "connector": _connector,
    "negated condition": _negated_condition,
    "removed condition": _removed_condition,
    "returned value": _returned_value,
    "deleted statement": _deleted_statement,
    "removed minus": _removed_minus,
    "break or continue": _break_or_continue,
    "augmented assignment": _augmented_assignment,
}

"""Whether a result is of an annotated type, as far as the annotation can be read. What cannot is no objection."""

import ast
from collections.abc import Sequence

from lift_sys.jail.values import Tree, decode
from lift_sys.validation.annotations import Parts, is_endless, kind_of, literals, name_of, parts_of, read

_KINDS: dict[type, set[str]] = {
    int: {"int", "bool"},
    float: {"float", "int", "bool"},
    complex: {"complex", "float", "int", "bool"},
    str: {"str", "halves"},
    set: {"set", "frozenset"},
}
"""By a type, the kinds of trees that do for it where it is not only its own."""
_ANY_SEQUENCE = {"Iterable", "Sequence", "Collection"}


def conforms(tree: Tree, annotation: str) -> bool:
    node = read(annotation)
    return node is None or _is_of(tree, node)


def _is_of(tree: Tree, node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None):
            return bool(tree[0] == "NoneType")
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_of(tree, left) or _is_of(tree, right)
        case ast.Subscript():
            return _is_of_parts(tree, name_of(node.value), node.value, parts_of(node))
        case _:
            return _is_of_kind(tree, node, None)


def _is_of_parts(tree: Tree, name: str, node: ast.expr, parts: Sequence[ast.expr]) -> bool:
    match name:
        case "Literal":
            known = literals(parts)
            return not known or tree[0] == "object" or decode(tree) in known
        case "Union":
            return any(_is_of(tree, part) for part in parts)
        case "Optional":
            return tree[0] == "NoneType" or any(_is_of(tree, part) for part in parts)
        case _:
            return _is_of_kind(tree, node, parts)


def _is_of_kind(tree: Tree, node: ast.expr, parts: Parts) -> bool:
    kind = kind_of(node)
    if kind is None or kind is object or name_of(node) in _ANY_SEQUENCE:
        return True
    if tree[0] not in _KINDS.get(kind, {kind.__name__}):
        return False
    return parts is None or _holds(tree, kind, parts)


def _holds(tree: Tree, kind: type, parts: Sequence[ast.expr]) -> bool:
    """Whether what is inside is of the types in the brackets."""
    inside = tree[1]
    if kind is dict:
        return len(parts) != 2 or all(_is_of(k, parts[0]) and _is_of(v, parts[1]) for k, v in inside)
    if kind is tuple and not is_endless(parts):
        return len(inside) == len(parts) and all(_is_of(v, part) for v, part in zip(inside, parts, strict=True))
    return all(_is_of(value, parts[0]) for value in inside)

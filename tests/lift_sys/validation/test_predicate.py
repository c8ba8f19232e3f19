"""Expressions that only look, and those that do more."""

import pytest

from lift_sys.validation.predicate import is_predicate, why_no_predicate

PREDICATES = [
    "result >= 0",
    "len(result) == len(xs)",
    "all(a <= b for a, b in zip(result, result[1:]))",
    "sorted(result) == sorted(old_xs) if xs else result == []",
    "isinstance(result, (int, float)) and not isinstance(result, bool)",
    "result in {x * 2 for x in xs} or result == f'{xs}'",
    "result == f'{x:.2f}'",
    "result == sorted(xs, key=len, reverse=True)",
    "result == max(xs, key=str.lower)",
    "result.lower().split(',')[0].isalnum()",
    "all(result.count(x) == 1 for x in result)",
    "sum(1 for _ in result) == n",
    "result == next((x for x in xs if x > 0), None)",
    "result == dict(zip(keys, values), key=1)",
    "{**result} == dict(d.items()) and [*result] == list(d)",
    "input in result",
    "type(result) is set and result.issubset(xs)",
    "abs(result - x ** 0.5) < 1e-9",
    "result.real == 1",
    "'-'.join(str(x) for x in xs) == result",
]


@pytest.mark.parametrize("text", PREDICATES)
def test_what_only_looks_is_a_predicate(text: str) -> None:
    assert why_no_predicate(text) is None
    assert is_predicate(text)


NO_EXPRESSION = "it is not an expression in Python"
NONE = {
    "": NO_EXPRESSION,
    "result >=": NO_EXPRESSION,
    "result = 1": NO_EXPRESSION,
    "x := 1": NO_EXPRESSION,
    "import os": NO_EXPRESSION,
    "the result is positive": NO_EXPRESSION,
    "\0": NO_EXPRESSION,
    "all(v for* v in result)": NO_EXPRESSION,
    "(" * 240 + "1" + ")" * 240: NO_EXPRESSION,
    "1 + " * 200 + "1": "it is longer than 500 characters",
    "(y := result) > 0": "it has an assignment",
    "lambda: 1": "it has a lambda",
    "(lambda: 1)()": "it calls something without a name",
    "await result": "it has an await",
    "[x async for x in xs]": "it has an await",
    "(yield)": "it has a yield",
    "(yield from xs)": "it has a yield",
    "f'{x:{width}}' == result": "it has a format within a format",
    "__import__('os').system('true')": "it uses .system, which is not on the list of harmless attributes",
    "__import__('os')": "it calls __import__, which is not on the list of harmless functions",
    "__builtins__": "it uses the private name __builtins__",
    "_x > 0": "it uses the private name _x",
    "[_x for _x in xs]": "it uses the private name _x",
    "result.__class__ == int": "it uses .__class__, which is not on the list of harmless attributes",
    "result._private": "it uses ._private, which is not on the list of harmless attributes",
    "[x for x in xs if x.__class__]": "it uses .__class__, which is not on the list of harmless attributes",
    "result == math.sqrt(x)": "it uses .sqrt, which is not on the list of harmless attributes",
    "eval('1')": "it calls eval, which is not on the list of harmless functions",
    "exec('1')": "it calls exec, which is not on the list of harmless functions",
    "open('f')": "it calls open, which is not on the list of harmless functions",
    "getattr(result, 'x')": "it calls getattr, which is not on the list of harmless functions",
    "hash(result) == 1": "it calls hash, which is not on the list of harmless functions",
    "list(map(len, xs)) == result": "it calls map, which is not on the list of harmless functions",
    "result == f(x - 1)": "it calls f, which is not on the list of harmless functions",
    "all(x for x in iter(int, 1))": "it calls iter, which is not on the list of harmless functions",
    "[f('1') for f in [eval]]": "it calls f, which is not on the list of harmless functions",
    "[len('1') for len in [eval]]": "it gives len another meaning",
    "[eval][0]('1')": "it calls something without a name",
    "(eval if x else len)('1')": "it calls something without a name",
    "sorted(xs, key=lambda x: -x) == result": "its key is not a harmless function",
    "max(xs, key=eval)": "its key is not a harmless function",
    "min(xs, key=[eval][0])": "its key is not a harmless function",
    "max(xs, **{'key': eval})": "it unpacks a dict into keywords",
    f"max(xs, key={'-' * 450}1)": "its key is not a harmless function",
    "xs.sort() is None": "it has a side effect: .sort",
    "result.append(1) or result": "it has a side effect: .append",
    "max(xs, key=result.pop)": "it has a side effect: .pop",
}


@pytest.mark.parametrize(("text", "why"), NONE.items(), ids=lambda value: str(value)[:50].replace("\0", "NUL"))
def test_what_does_more_is_refused_with_the_reason(text: str, why: str) -> None:
    assert why_no_predicate(text) == why
    assert not is_predicate(text)


@pytest.mark.parametrize(
    "method",
    [
        "add",
        "append",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "setdefault",
        "sort",
        "update",
    ],
)
def test_a_method_that_changes_its_object_has_a_side_effect(method: str) -> None:
    assert why_no_predicate(f"result.{method}(x)") == f"it has a side effect: .{method}"


def test_every_method_of_a_literal_that_is_not_harmless_is_refused() -> None:
    kinds = (int, float, complex, str, bytes, list, tuple, dict, set)
    names = {name for kind in kinds for name in dir(kind) if not name.startswith("_")}
    assert {name for name in names if not is_predicate(f"result.{name}")} == {
        *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "sort"),
        *("difference_update", "intersection_update", "reverse", "symmetric_difference_update", "update"),
        *("format_map", "from_bytes", "fromhex", "fromkeys", "to_bytes"),
    }

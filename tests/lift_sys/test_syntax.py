"""The parser, asked by several threads at once."""

from concurrent.futures import ThreadPoolExecutor

from lift_sys import syntax


def test_threads_that_parse_at_once_do_not_meet() -> None:
    text = "[" * 40 + "1" + "]" * 40
    with ThreadPoolExecutor(8) as pool:
        trees = list(pool.map(syntax.expression, [text] * 400))
        values = list(pool.map(syntax.literal, [text] * 400))
    assert len(trees) == 400
    assert values == [values[0]] * 400

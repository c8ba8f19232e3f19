"""Files as HumanEval+ and MBPP+ publish them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lift_sys.audit.dataset import LONGEST, Task, read

HUMANEVAL = {
    "task_id": "HumanEval/1",
    "prompt": 'def double(x):\n    """\n    >>> double(1)\n    2\n    """\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    "contract": "",
    "base_input": [[1], [2]],
    "plus_input": [[-3]],
    "atol": 0,
}
MBPP = {
    "task_id": "Mbpp/2",
    "prompt": '"""\nWrite a function to swap two.\nassert swap((1, 2), "a") == (2, 1)\n"""\n',
    "entry_point": "swap",
    "canonical_solution": "def swap(pair, name):\n    return pair[::-1]\n",
    "assertion": "assert swap((1, 2), 'a') == (2, 1)\n",
    "contract": "",
    "base_input": [[[1, 2], "a"]],
    "plus_input": [[[], "b"], [[1, [2]], "c"]],
    "atol": 0.0001,
}


def written(folder: Path, *rows: dict[str, Any], name: str = "tasks.jsonl.gz") -> Path:
    path = folder / name
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def one(folder: Path, row: dict[str, Any], **fields: Any) -> Task:
    [task] = read(written(folder, {**row, **fields}))
    return task


def test_a_line_ends_where_json_says_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps({**MBPP, "prompt": "one\u2028two"}, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert [task.prompt for task in read(path)] == ["one\u2028two"]


@pytest.mark.parametrize("name", ["tasks.jsonl.gz", "tasks.jsonl"])
def test_tasks_are_read_in_order(tmp_path: Path, name: str) -> None:
    assert [task.id for task in read(written(tmp_path, HUMANEVAL, MBPP, name=name))] == ["HumanEval/1", "Mbpp/2"]


def test_a_solution_of_humaneval_goes_on_where_the_prompt_ends(tmp_path: Path) -> None:
    task = one(tmp_path, HUMANEVAL)
    assert task.solution == task.prompt + "    return 2 * x\n"
    assert (task.base, task.plus, task.tolerance) == (("1", "2"), ("-3",), 0)


def test_a_solution_of_mbpp_is_complete(tmp_path: Path) -> None:
    task = one(tmp_path, MBPP)
    assert task.solution == MBPP["canonical_solution"]
    assert task.tolerance == 0.0001


def test_tuples_that_json_lost_come_back_from_the_datasets_own_call(tmp_path: Path) -> None:
    task = one(tmp_path, MBPP)
    assert task.base == ("(1, 2), 'a'",)
    assert task.plus == ("(), 'b'", "(1, [2]), 'c'")
    deep = one(tmp_path, MBPP, assertion="assert swap([(0,)], 'a') == 1", base_input=[[[[1], [2, 3]], "a"]])
    assert deep.base == ("[(1,), (2, 3)], 'a'",)


@pytest.mark.parametrize(
    "assertion", ["", "assert swap(*x) == 1", "assert swap(pair=(1, 2)) == 1", "assert other((1,))"]
)
def test_without_such_a_call_lists_stay_lists(tmp_path: Path, assertion: str) -> None:
    assert one(tmp_path, MBPP, assertion=assertion).base == ("[1, 2], 'a'",)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([["x" * LONGEST]], ()),
        ([[1e999]], ()),
        ([[None], [True], ["a\n"]], ("None", "True", "'a\\n'")),
        ({}, ()),
    ],
    ids=["too long", "an infinity", "literals", "an empty object for none"],
)
def test_inputs_are_literals_of_a_reasonable_length(tmp_path: Path, values: object, texts: tuple[str, ...]) -> None:
    assert one(tmp_path, HUMANEVAL, plus_input=values).plus == texts


CONTRACTS = {
    "an assertion": ("    assert x > 0 # $_CONTRACT_$\n", ("x > 0",)),
    "its message is left out": ('  assert x > 0, "invalid inputs"\n  assert x < 9\n', ("x > 0", "x < 9")),
    "a comprehension has names of its own": (" assert all(i for i in x)\n", ("all((i for i in x))",)),
    "a name of other statements": (" n = len(x)\n assert n > 0\n assert x\n", ("x",)),
    "a parameter that is changed": (" x = float(x)\n assert x > 0\n", ()),
    "an assertion inside another statement": (" for i in x:\n  assert i\n", ()),
    "a helper": (" def odd(i): return i % 2\n assert odd(x)\n", ()),
    "a module": (" import math\n assert math.isfinite(x)\n", ()),
    "too long": (f" assert x == {'1' * LONGEST}\n", ()),
    "nothing": ("\n", ()),
}


@pytest.mark.parametrize(("contract", "found"), CONTRACTS.values(), ids=CONTRACTS)
def test_preconditions_speak_of_the_parameters_alone(tmp_path: Path, contract: str, found: tuple[str, ...]) -> None:
    assert one(tmp_path, HUMANEVAL, contract=contract).preconditions == found


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({**MBPP, "base_input": 1}, "base_input: Input should be a valid list"),
        ({**MBPP, "plus_input": {"a": 1}}, "plus_input"),
        ({key: value for key, value in MBPP.items() if key != "task_id"}, "task_id: Field required"),
        ({**MBPP, "canonical_solution": "def swap("}, "'(' was never closed"),
        ({**MBPP, "entry_point": "turn"}, "canonical_solution: defines no function 'turn'"),
        ({**MBPP, "contract": " assert\n"}, "invalid syntax"),
        ({**MBPP, "atol": "much"}, "atol"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=r"^tasks\.jsonl\.gz, line 2: ") as raised:
        read(written(tmp_path, HUMANEVAL, row))
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"{"), "tasks.jsonl.gz, line 1: not JSON"),
        (gzip.compress(b"[]"), "tasks.jsonl.gz, line 1: "),
        (gzip.compress(b"\xff"), "tasks.jsonl.gz: 'utf-8' codec"),
        (b"{}", "tasks.jsonl.gz: Not a gzipped file"),
        (gzip.compress(b"{}")[:-4], "tasks.jsonl.gz: Compressed file ended"),
        (b"\x1f\x8b\x08" + b"\x00" * 7 + b"\xff" * 9, "tasks.jsonl.gz: Error -3"),
        (None, "tasks.jsonl.gz: No such file or directory"),
    ],
    ids=["half a line", "no object", "no text", "not packed", "cut off", "broken", "no file"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "tasks.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="tasks") as raised:
        read(path)
    assert str(raised.value).startswith(why)

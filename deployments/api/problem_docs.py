"""`python -m deployments.api.problem_docs` writes docs/problems.md from the table of problems."""

import json
from pathlib import Path

from deployments.api.explained import KINDS
from deployments.api.problems import Kind, example

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
_HEAD = """\
# Problems

Written by `make problems` from `deployments/api/problems.py`; change it there.

Every error of the API is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457). Its `type` stays the same
from version to version, and is an address that the service explains: `GET /problems/overloaded`. Programs tell problems
apart by `type`, people by `title` and `detail`.
"""


def text(kinds: dict[str, Kind] = KINDS) -> str:
    rows = ["| type | status | title |", "|---|---|---|"]
    rows += [f"| [`{kind.type}`](#{name}) | {kind.status} | {kind.title} |" for name, kind in kinds.items()]
    return "\n".join([_HEAD, *rows, "", *(_section(kind) for kind in kinds.values())])


def _section(kind: Kind) -> str:
    told = json.dumps(example(kind), indent=2, ensure_ascii=False)
    words = kind.words
    return f"## {kind.name}\n\n{kind.status}. {words.meaning}\n\n{words.remedy}\n\n```json\n{told}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")

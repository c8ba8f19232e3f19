"""Known words, sent everywhere a client can put them, are in no log; what was decided is in the audit log."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.bench.scripted_service import ScriptedService
from lift_sys import errors
from schemas import LiftRequest
from tests.deployments.security.guarded import Guarded, bearer

pytestmark = pytest.mark.anyio
CANARY = "canary0that0belongs0into0no0log"


class Everything(logging.Handler):
    """All that any logger says, with every field that a record carries and every traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record not in self.records:
            self.records.append(record)
            self.text += f"{self.format(record)} {record.__dict__}\n"

    def audited(self) -> list[dict[str, Any]]:
        return [vars(record) for record in self.records if record.name == "ray.serve.lift.audit"]


@pytest.fixture
def logs() -> Iterator[Everything]:
    """Of loggers that hand nothing on to the root, too."""
    handler, named = (
        Everything(),
        [logging.getLogger(name) for name in (None, "ray", "ray.serve", "ray.serve.lift.audit")],
    )
    levels = [one.level for one in named]
    for one in named:
        one.addHandler(handler)
        one.setLevel(logging.DEBUG)
    yield handler
    for one, level in zip(named, levels, strict=True):
        one.removeHandler(handler)
        one.setLevel(level)


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path / "keys.yaml", ScriptedService())


PROMPT = {"prompt": f"double a number {CANARY}"}
SENT: dict[str, dict[str, Any]] = {
    "in a prompt": {"json": PROMPT},
    "in an example": {"json": {"prompt": "a", "examples": [f"f('{CANARY}') == 1"]}},
    "in an unknown field": {"json": {"prompt": "a", CANARY: CANARY}},
    "in a field of another type": {"json": {"prompt": "a", "n": CANARY}},
    "in what is no JSON": {"content": CANARY.encode()},
    "in a body that is too long": {"content": CANARY.encode() * 2_000},
    "in headers": {
        "json": {"prompt": "a"},
        "headers": {"X-Request-ID": CANARY, "Cookie": CANARY, "User-Agent": CANARY},
    },
    "in a header that is too long": {"json": {"prompt": "a"}, "headers": {"X-A": CANARY * 2_000}},
    "in the name of a host": {"json": {"prompt": "a"}, "headers": {"Host": f"{CANARY}.example"}},
    "in the query": {"json": {"prompt": "a"}, "params": {"key": CANARY}},
    "in the address": {"url": f"/v1/{CANARY}"},
    "in a name": {"method": "GET", "url": f"/problems/{CANARY}"},
    "in a wrong key": {"json": PROMPT, "headers": bearer(f"lift_000000000000_{CANARY}")},
    "in another scheme": {"json": PROMPT, "headers": {"Authorization": f"Basic {CANARY}"}},
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("failure", [None, errors.OutputInvalid(CANARY), errors.NoFunction(CANARY)], ids=str)
async def test_what_a_client_sends_is_in_no_log(
    guarded: Guarded, logs: Everything, sent: dict[str, Any], failure: Exception | None
) -> None:
    key = guarded.key("ann", "lift", tokens_per_day=1)
    guarded.backend.failure = failure
    async with guarded.client(hosts=("test",), max_body_bytes=20_000) as client:
        for _ in range(3):
            headers = bearer(key) | sent.get("headers", {})
            await client.request(**{"method": "POST", "url": "/v1/lift", **sent, "headers": headers})
    ours = "\n".join(line for line in logs.text.splitlines() if "'name': 'httpx'" not in line)
    assert CANARY not in ours
    assert key.rpartition("_")[2] not in ours


async def test_a_value_that_was_not_foreseen_is_in_no_log(guarded: Guarded, logs: Everything) -> None:
    """What breaks on a value tells which field, and keeps the value to itself."""
    key = guarded.key("ann", "lift")
    with pytest.raises(ValueError, match="n") as broken:
        LiftRequest.model_validate({**PROMPT, "n": CANARY})
    guarded.backend.failure = broken.value
    async with guarded.client() as client:
        assert (await client.post("/v1/lift", json=PROMPT, headers=bearer(key))).status_code == 500
    assert "unexpected error" in logs.text
    assert CANARY not in logs.text


async def test_what_was_decided_is_in_the_audit_log_with_who_and_which_request(
    guarded: Guarded, logs: Everything
) -> None:
    ann, root = guarded.key("ann", "lift", requests_per_minute=1), guarded.key("root", "admin")
    async with guarded.client() as client:
        answers = [await client.post("/v1/lift", json={"prompt": "a"}, headers=bearer(ann)) for _ in range(2)]
        await client.post("/v1/lift", json={"prompt": "a"}, headers=bearer("nobody"))
        await client.get("/admin/keys", headers=bearer(ann))
        guarded.key("eve", "lift")
        await client.post("/admin/keys/reload", headers=bearer(root))
        guarded.path.write_text("keys: 1", encoding="utf-8")
        await client.post("/admin/keys/reload", headers=bearer(root))
    told = [(row["event"], row["caller"], row.get("why")) for row in logs.audited()]
    assert [row[:2] for row in told] == [
        ("quota", "ann"), ("denied", "anonymous"), ("denied", "ann"), ("admin", "root"), ("keys.loaded", "root"),
        ("admin", "root"), ("keys.refused", "root"),
    ]  # fmt: skip
    assert told[1][2] == "no valid key"
    assert told[2][2] == "lacks the scope admin"
    requests = [row["lift_request_id"] for row in logs.audited()]
    assert len(set(requests)) == 5, "one for each request"
    assert answers[0].json()["request_id"] not in requests

"""A client in a process of its own: a line of JSON in is a request, a line out its answer.

`python -m deployments.bench.scale.asker URL`. It begins with an empty line, once it listens.
"""

import asyncio
import sys
import time

import httpx

from schemas import LiftRequest, LiftResponse, StageReport
from schemas.wire import Wire

_TIMEOUT_S = 600


class Order(Wire):
    number: int
    request: LiftRequest


class Answer(Wire):
    """Times are of `time.time()`, which all processes of a machine share."""

    number: int
    sent: float
    ended: float
    status: int
    """Of HTTP; 0 where there was no answer."""
    verified: bool = False
    variations: int = 0
    stages: tuple[StageReport, ...] = ()


async def _serve(url: str) -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with (
        # A proxy in the environment leads outside; the service is on this machine.
        httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, limits=limits, trust_env=False) as client,
        asyncio.TaskGroup() as asking,
    ):
        _say("")
        async for line in orders:
            asking.create_task(_ask(client, Order.model_validate_json(line)))


async def _ask(client: httpx.AsyncClient, order: Order) -> None:
    sent = time.time()
    try:
        reply = await client.post("/v1/lift", json=order.request.model_dump(mode="json"))
    except httpx.TransportError:
        answer = Answer(number=order.number, sent=sent, ended=time.time(), status=0)
    else:
        answer = _read(order.number, sent, reply)
    _say(answer.model_dump_json())


def _read(number: int, sent: float, reply: httpx.Response) -> Answer:
    ended = time.time()
    if reply.status_code != httpx.codes.OK:
        return Answer(number=number, sent=sent, ended=ended, status=reply.status_code)
    told = LiftResponse.model_validate_json(reply.content)
    return Answer(
        number=number,
        sent=sent,
        ended=ended,
        status=reply.status_code,
        verified=told.verdict.level == "verified",
        variations=told.variations,
        stages=told.stages,
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))

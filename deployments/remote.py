"""Calls from one deployment to another: Ray's errors become ours, and a call given up here is given up there too."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray import serve
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve._private.common import DeploymentStatus, ReplicaState
from ray.serve.context import _get_global_client
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)
from ray.serve.handle import DeploymentHandle

from deployments.alive import Lost, while_alive
from deployments.metrics import REPLICAS, RETRIES, Part, Tell
from lift_sys.deadline import left_s
from lift_sys.errors import EngineUnavailable, LiftError, Overloaded
from lift_sys.hearing import Hear, listener
from schemas import Chat, Completion, Piece, Sampling

_DIED = (RayActorError, ReplicaUnavailableError, Lost)
_EAGER_S = 0.1
_ALL_S = 5.0
_AT_WORK = (ReplicaState.RUNNING, ReplicaState.PENDING_MIGRATION, ReplicaState.RECOVERING)
"""A replica works on while its node is to go, and while a controller that comes again looks for it."""
_SETTLED = {DeploymentStatus.HEALTHY, DeploymentStatus.UPSCALING, DeploymentStatus.DOWNSCALING}


def quick(handle: "DeploymentHandle[Any]") -> "DeploymentHandle[Any]":
    """The same handle, whose arguments travel by `pickle`: a third of the time that Serve's cloudpickle takes.

    Answers do not, since what is raised there may be of a class that was made at run time.
    """
    return handle.options(request_serialization="pickle")


def again(to: Part, method: Any, tell: Tell, aloud: Any = None) -> Callable[..., Awaitable[Any]]:
    """A handle's method as a plain callable, told how much time is left.

    `aloud` is the same as a generator, for a caller who listens to what is written (`lift_sys/hearing.py`).

    Raises our errors as raised there, `Overloaded`, `EngineUnavailable` and `DeadlinePassed`.

    Where the replica dies before it has answered, another one is asked, once: what it does depends on its arguments
    only, so nobody sees that it was begun twice. Who listens hears a text begin anew.
    """

    async def once(*args: Any) -> Any:
        hear = listener() if aloud else None
        response = (aloud if hear else method).remote(*args, left_s())
        async with while_alive(response):
            with _ours(response):
                return await (_heard(response, hear) if hear else response)

    async def ask(*args: Any) -> Any:
        try:
            return await once(*args)
        except _DIED:
            tell(RETRIES, 1, to=to)
        try:
            return await once(*args)
        except _DIED as error:
            raise EngineUnavailable(f"a replica died while it worked on this: {type(error).__name__}") from None

    return ask


async def _heard(told: Any, hear: Hear) -> Any:
    """The last of what a generator gives; the rest is told."""
    result = None
    async for one in told:
        if isinstance(one, Piece):
            hear(one)
        else:
            result = one
    return result


@contextlib.contextmanager
def _ours(response: Any) -> Iterator[None]:
    """Raises our errors for Ray's; who is cancelled cancels the call."""
    try:
        yield
    except asyncio.CancelledError:
        response.cancel()
        raise
    except RayTaskError as error:
        if isinstance(error.cause, LiftError):
            raise error.cause from None
        raise
    except BackPressureError:
        raise Overloaded("the queues are full") from None
    except DeploymentUnavailableError:
        raise EngineUnavailable("a deployment failed, and has no replica that could do this") from None


def any_of_all(deployment: str, method: str) -> Callable[..., Awaitable[bool]]:
    """A method of every replica of a deployment as one: whether any of them says yes. One that dies says no."""
    handle = serve.get_deployment_handle(deployment)

    async def ask(*args: Any) -> bool:
        try:
            answers = await handle.broadcast(method, *args).results_async(timeout_s=_ALL_S, return_exceptions=True)
        except (TimeoutError, DeploymentUnavailableError):
            raise EngineUnavailable(f"not every {deployment} could be asked") from None
        return any(answer is True for answer in answers)

    return ask


class RemoteEngine:
    """An Engine behind a handle. Calls of one session go to one replica.

    One call at a time for each request: Ray 2.60 gives all calls that a request makes one internal id, by which
    ConsistentHashRouter keeps the waiting ones, so that of two at once one is never sent.
    """

    def __init__(self, handle: "DeploymentHandle[Any]", tell: Tell) -> None:
        self._handle = handle
        self._tell = tell

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        # Not made ready in the constructor: with Serve's flags of production that needs a running loop.
        handle = quick(self._handle).options(session_id=session)
        ask = again("Engine", handle.generate, self._tell, handle.options(stream=True).generate_aloud)
        completions: list[Completion] = await ask(chats, sampling, session)
        return completions


@dataclass(frozen=True)
class Deployed:
    status: DeploymentStatus
    replicas: Counter[ReplicaState]

    @property
    def can_work(self) -> bool:
        """Whether a replica is at work, or none is to run just now: then a request wakes it, and waits for that."""
        return any(self.replicas[state] for state in _AT_WORK) or self.status in _SETTLED


def _deployments() -> dict[str, Deployed]:
    """What `serve.status()` tells of this application.

    It reads the same, and first makes models of all that the controller knows, with each router pickled once more: a
    tenth of a second each time, in which no request of this process gets on.
    """
    client = _get_global_client()
    if client is None:
        return {}
    found = client.get_serve_details()["applications"][serve.get_replica_context().app_name]["deployments"]
    return {
        name: Deployed(
            DeploymentStatus(one["status"]), Counter(ReplicaState(replica["state"]) for replica in one["replicas"])
        )
        for name, one in found.items()
    }


class Replicas:
    """Which of the graph's deployments have nobody to do their work. Asks the controller at most once in `fresh_s`.

    Nobody waits for that as long as all were there: who has gone since is missed within a second or two, and a request
    that was let in is given up then.
    """

    def __init__(
        self,
        needed: Sequence[str],
        instead: Mapping[str, str],
        look: Callable[[], dict[str, Deployed]] = _deployments,
        *,
        fresh_s: float = 1.0,
    ) -> None:
        """`instead`: who else can do a part's work, by the part's name. `look` blocks; default: asks the controller."""
        self._needed = needed
        self._instead = instead
        self._look = look
        self._fresh_s = fresh_s
        self._asked = -fresh_s
        self._asking: asyncio.Task[None] | None = None
        self._heard = False
        self._known: dict[str, Deployed] = {}

    async def missing(self) -> tuple[str, ...]:
        self._ask_if_old(self._fresh_s)
        if self._without_replicas():
            # What was missing a moment ago may be there: this decides on a refusal.
            self._ask_if_old(_EAGER_S)
            if self._asking:
                await asyncio.shield(self._asking)
        return self._without_replicas()

    async def watch(self, tell: Tell) -> None:
        """Without end: how many replicas there are in which state."""
        while True:
            self._ask_if_old(self._fresh_s)
            if self._asking:
                await asyncio.shield(self._asking)
            self._tell(tell)
            await asyncio.sleep(self._fresh_s)

    def _tell(self, tell: Tell) -> None:
        for name, deployment in self._known.items():
            for state in REPLICAS.labels["state"]:
                tell(REPLICAS, deployment.replicas[ReplicaState(state.upper())], deployment=name, state=state)

    def _ask_if_old(self, fresh_s: float) -> None:
        if self._asking is None and time.monotonic() - self._asked >= fresh_s:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        # From a controller that restarts nothing is heard; the next look tells.
        with contextlib.suppress(RayError, RayServeException, LookupError):
            # While Serve reads a new config, which takes seconds, it tells of no deployment: all are as they were.
            self._known = await asyncio.to_thread(self._look) or self._known
            self._heard = True
        self._asked, self._asking = time.monotonic(), None

    def _without_replicas(self) -> tuple[str, ...]:
        if self._heard and not self._known:
            return ()  # An ingress that begins in such a moment: the other deployments were there before it.
        return tuple(name for name in self._needed if not self._done(name) and not self._done(self._instead.get(name)))

    def _done(self, name: str | None) -> bool:
        return name in self._known and self._known[name].can_work

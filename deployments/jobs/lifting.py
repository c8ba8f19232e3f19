"""An item of a job: a request that is lifted."""

from collections.abc import Awaitable, Callable

from deployments.jobs.attempt import Again, End, backoff_s
from deployments.jobs.store import Taken
from deployments.log import logger
from deployments.security.callers import called_by
from deployments.security.keys import Caller
from lift_sys.errors import EngineUnavailable, LiftError, Overloaded, SandboxUnavailable
from schemas import JobResult, LiftRequest, LiftResponse, Problem

Lift = Callable[[LiftRequest, str], Awaitable[LiftResponse]]
"""A request's answer, within the request's time; or one of our errors."""

_PASSES = (EngineUnavailable, SandboxUnavailable)
"""What may be otherwise at another attempt. Words that name no function name none the next time either."""


class Lifting:
    """A Doer. `missing` names the parts that cannot work now; `explain` says an error in the words for clients."""

    def __init__(
        self, lift: Lift, missing: Callable[[], Awaitable[tuple[str, ...]]], explain: Callable[[Exception], Problem]
    ) -> None:
        self._lift = lift
        self._missing = missing
        self._explain = explain

    async def ready(self) -> bool:
        try:
            return not await self._missing()
        except Exception as error:
            # Such as a controller that restarts. What is in work goes on.
            logger.warning("jobs: whether all parts are there is not known: %s", type(error).__name__)
            return False

    async def do(self, taken: Taken) -> End | Again:
        try:
            request = LiftRequest.model_validate_json(taken.body).model_copy(update={"priority": "batch"})
            with called_by(Caller(taken.owner, frozenset({"jobs"})), taken.lease):
                response = await self._lift(request, taken.lease)
        except Exception as error:
            end = self._failed(taken, error)
            again = isinstance(error, (*_PASSES, Overloaded)) or not isinstance(error, LiftError)
            return Again(backoff_s(taken.attempt), not isinstance(error, Overloaded), end) if again else end
        return End(JobResult(index=taken.index, response=response).model_dump_json(), True)

    def lost(self, taken: Taken) -> End:
        return self._failed(taken, EngineUnavailable("the service died at every attempt at this"))

    def _failed(self, taken: Taken, error: Exception) -> End:
        return End(JobResult(index=taken.index, problem=self._explain(error)).model_dump_json(), False)

"""What can go wrong, apart from code that is not right: that is a verdict, not an error.

LiftError
├── EngineUnavailable    no engine can take the work now; worth another try
├── OutputInvalid        the model's output was refused, at every attempt
├── SandboxUnavailable   code cannot be run safely here
├── SpecificationInvalid the client's own IR or example cannot be used
├── NoFunction           the request asks for something that no function is
├── Overloaded           more work than the queues hold
├── DeadlinePassed       the time that the request had is over
├── RequestCancelled     its caller wants no answer any more
├── StoreUnavailable     the database of jobs does not answer
├── JobUnknown           the caller has no job of this id
├── JobExpired           the job's results were kept long enough
├── KeyInvalid           an idempotency key that is none
├── KeyBusy              the request of this idempotency key is still being answered
└── KeyReused            the idempotency key was used for another request

All take positional arguments only: keyword-only constructors lose their type on the way through a Serve handle.
"""


class LiftError(Exception):
    """Base of all. The arguments are the words for the client."""


class EngineUnavailable(LiftError):
    """No engine can take the work now."""


class OutputInvalid(LiftError):
    """The model's output was refused, at every attempt."""


class SandboxUnavailable(LiftError):
    """Code cannot be run safely here."""


class SpecificationInvalid(LiftError):
    """`SpecificationInvalid(field, message)`: the client's own IR or example cannot be used."""


class NoFunction(LiftError):
    """The request asks for something that no function is. The argument is why, in the model's words."""


class Overloaded(LiftError):
    """`Overloaded(message)` or `Overloaded(message, retry_after_s)`: more work than the queues hold."""

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def retry_after_s(self) -> int | None:
        """When another try is worth it; None where nobody knows."""
        return self.args[1] if len(self.args) > 1 else None


class DeadlinePassed(LiftError):
    """The time that the request had is over."""


class RequestCancelled(LiftError):
    """Its caller wants no answer any more."""


class StoreUnavailable(LiftError):
    """The database of jobs does not answer."""


class JobUnknown(LiftError):
    """The caller has no job of this id."""


class JobExpired(LiftError):
    """The job's results were kept long enough."""


class KeyInvalid(LiftError):
    """An idempotency key that is none."""


class KeyBusy(LiftError):
    """The request of this idempotency key is still being answered."""


class KeyReused(LiftError):
    """The idempotency key was used for another request."""

"""A client of a running service: `Client`, and `AsyncClient` for who awaits. Both speak in the models of `schemas`."""

from lift_sys.client.asynchronous import AsyncClient
from lift_sys.client.protocol import ServiceProblem
from lift_sys.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "ServiceProblem"]

"""What theory says of a queue with Poisson arrivals."""

import math


def erlang_c(servers: int, load: float) -> float:
    """The share of the arrivals that must wait in M/M/c (Erlang, 1917); `load` in Erlangs."""
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(terms) + last)


def mean_wait_s(servers: int, rps: float, service_s: float, *, fixed: bool) -> float:
    """M/M/c, exact; M/D/1 exact (Pollaczek and Khinchin): half of it."""
    wait_s = erlang_c(servers, rps * service_s) * service_s / (servers - rps * service_s)
    return wait_s / 2 if fixed else wait_s

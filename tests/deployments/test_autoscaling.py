"""A real Serve cluster around engines with few places scales itself, and a real Prometheus watches over it.

The tests follow one another on one cluster: what one leaves behind, the next begins with.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.bench.watch import Watch, watching
from tests.prometheus import Prometheus, StartPrometheus

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus, pytest.mark.timeout(240)]

PROMPT = {"prompt": "Double a number: double(2) == 4", "timeout_s": 100}
ARGS = {
    "engine": {"kind": "scripted", "scripted_delay_s": 1.0, "scripted_places": 4},
    "pools": "per_stage",
    "code": {"n": 1, "first": 1, "mix": {"script": 1}},
}
REPORTS = {"metrics_interval_s": 0.5, "look_back_period_s": 1, "upscale_delay_s": 0, "downscale_delay_s": 0}
AMOUNTS = {"concurrency": 4, "down_delay_s": 1.5, "guard_delay_s": 3, "most_up_step": 1}
STEP_S = 3.0
"""So soon a replica should be starting after a step of the load."""
HOLD_S = 2.5
"""Longer than it takes until idle replicas go."""


def scaled(least: int, **kwargs: object) -> dict[str, Any]:
    policy = {"policy_function": "deployments.scaling:EnginePolicy", "policy_kwargs": {**AMOUNTS, **kwargs}}
    return {"min_replicas": least, "max_replicas": 5, **REPORTS, "policy": policy}


class Objective:
    """A series of the test's own, scraped by the real Prometheus: what an objective burns, or a lie."""

    def __init__(self) -> None:
        self.value: str | None = "0.1"
        objective = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                if objective.value is not None:
                    self.wfile.write(f"burn {objective.value}\n".encode())

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def objective() -> Iterator[Objective]:
    objective = Objective()
    yield objective
    objective.close()


class Watchman:
    """A real Prometheus that a test starts and kills. It keeps its port and what it stored."""

    def __init__(self, start: StartPrometheus, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.targets: list[str] = []
        self.now: Prometheus | None = None
        self._start = partial(start, port=port, folder=folder)
        self._running = contextlib.ExitStack()

    def start(self) -> Prometheus:
        if self.now is None:
            jobs = [{"job_name": "lift", "static_configs": [{"targets": self.targets}]}]
            self.now = self._running.enter_context(self._start(jobs))
        return self.now

    def kill(self) -> None:
        if self.now:
            self.now.process.kill()
        self._running.close()
        self.now = None


@pytest.fixture(scope="module")
def watchman(
    prometheus: StartPrometheus, own_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watchman]:
    watchman = Watchman(prometheus, own_port, tmp_path_factory.mktemp("watchman"))
    yield watchman
    watchman.kill()


class Cluster:
    def __init__(self, service: Any, watch: Watch) -> None:
        self.client: httpx.Client = service.client
        self.watch = watch

    def replicas(self, deployment: str) -> int:
        """That run or start."""
        states = self.watch.now(deployment)
        return states.get("RUNNING", 0) + states.get("STARTING", 0)

    @contextlib.contextmanager
    def load(self, clients: int) -> Iterator[list[int]]:
        """So many clients, each asking again once it is answered; the statuses they got."""
        stop, statuses = threading.Event(), list[int]()

        def ask() -> None:
            while not stop.is_set():
                statuses.append(self.client.post("/v1/lift", json=PROMPT).status_code)

        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield statuses
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@pytest.fixture(scope="module")
def cluster(
    serve: Callable[..., AbstractContextManager[Any]], watchman: Watchman, objective: Objective
) -> Iterator[Cluster]:
    guard = {"address": watchman.url, "queries": {"burn": "burn"}, "every_s": 0.5, "stale_after_s": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_metrics_report_interval_ms", "1000")
        scaling = {"IREngine": scaled(1, guard=guard), "CodeEngine": scaled(0, idle_to_zero_s=4)}
        with serve(ARGS, scaling) as service, watching(service.pid) as watch:
            watchman.targets = [f"127.0.0.1:{watch.metrics_port}", objective.address]
            watch.wait()
            yield Cluster(service, watch)


def until(so: Callable[[], bool], limit_s: float, what: str) -> float:
    """Seconds until it was so."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit_s:
        if so():
            return time.monotonic() - begun
        time.sleep(0.05)
    pytest.fail(f"not within {limit_s:g} s: {what}")


def holds(so: Callable[[], bool], span_s: float) -> bool:
    end = time.monotonic() + span_s
    while time.monotonic() < end:
        if not so():
            return False
        time.sleep(0.1)
    return True


def test_a_request_wakes_what_is_at_zero(cluster: Cluster) -> None:
    assert cluster.watch.now("CodeEngine") == {}
    assert cluster.client.get("/readyz").status_code == 200
    answer = cluster.client.post("/v1/lift", json=PROMPT)
    assert answer.status_code == 200, answer.text
    assert cluster.replicas("CodeEngine") == 1


def test_a_step_of_the_load_starts_a_replica_within_three_seconds(cluster: Cluster) -> None:
    assert cluster.replicas("IREngine") == 1
    with cluster.load(16) as statuses:
        assert until(lambda: cluster.replicas("IREngine") > 1, 20, "a replica starts") <= STEP_S
        until(lambda: cluster.watch.now("IREngine").get("RUNNING", 0) >= 3, 40, "three run")
    assert set(statuses) == {200}


def test_without_prometheus_none_goes(cluster: Cluster) -> None:
    """The load is over, and for the pool without a guard that is enough to go down to nothing."""
    until(lambda: cluster.replicas("CodeEngine") == 0, 30, "the idle pool is at zero")
    assert cluster.replicas("IREngine") >= 3


@pytest.mark.parametrize("lie", ["NaN", "-1", "1e300", None])
def test_a_lie_changes_nothing(cluster: Cluster, watchman: Watchman, objective: Objective, lie: str | None) -> None:
    objective.value = lie
    watchman.start().until("up")
    kept = cluster.replicas("IREngine")
    assert 3 <= kept < 5
    assert holds(lambda: cluster.replicas("IREngine") == kept, HOLD_S)


def test_with_a_true_word_they_go_and_a_burning_objective_brings_one_back(
    cluster: Cluster, objective: Objective
) -> None:
    objective.value = "0.1"
    until(lambda: cluster.replicas("IREngine") == 1, 30, "the idle replicas are gone")
    objective.value = "2"
    until(lambda: cluster.replicas("IREngine") == 2, 15, "the guard asks for one more")


def test_prometheus_can_die_and_come_back(cluster: Cluster, watchman: Watchman, objective: Objective) -> None:
    objective.value = "0.1"
    watchman.kill()
    kept = cluster.replicas("IREngine")
    assert kept >= 2
    assert holds(lambda: cluster.replicas("IREngine") == kept, HOLD_S + 1)
    watchman.start()
    until(lambda: cluster.replicas("IREngine") == 1, 30, "it goes on")


def test_one_can_see_why(cluster: Cluster, watchman: Watchman) -> None:
    """Each term of the decision is a series that Prometheus has scraped from the controller."""

    def found(promql: str, label: str) -> set[str]:
        return {sample["metric"][label] for sample in watchman.start().until(promql)}

    assert found("ray_lift_scaling_target", "deployment") == {"IREngine", "CodeEngine"}
    terms = {"tokens", "requests", "prefill", "guard"}
    assert found('ray_lift_scaling_term{deployment="IREngine"}', "term") == terms
    assert len(found('ray_lift_scaling_cause{deployment="IREngine"} == 1', "cause")) == 1

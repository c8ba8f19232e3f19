"""A real cluster under a short load, seen by a real Prometheus and a receiver of traces."""

import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from deployments.bench.watch import watching
from deployments.observability.alerts import ALERTS
from deployments.observability.objectives import OBJECTIVES, WINDOWS
from deployments.observability.panels import BOARDS
from deployments.observability.pictures import Prometheus as Pictured
from deployments.observability.pictures import draw
from tests.deployments.observability.test_files import RAYS_OWN
from tests.prometheus import Prometheus, StartPrometheus

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus, pytest.mark.timeout(300)]

Serve = Callable[..., AbstractContextManager[Any]]
CLUSTER = Path(__file__).parents[2] / "cluster"
SECRET = "Zanzibar"
PROMPT = {"prompt": f"Double a number, said {SECRET}: double(2) == 4"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
ARGS = {"engine": {"kind": "scripted", "scripted_delay_s": 0.1, "gpu": "H100"}}
POLICY = {"policy_function": "deployments.scaling:EnginePolicy", "policy_kwargs": {}}
SCALING = {"min_replicas": 1, "max_replicas": 2, "upscale_delay_s": 0, "downscale_delay_s": 0, "policy": POLICY}
LEAVING = "import os\ndef f(x): os._exit(0)"
WITHOUT_DATA = {
    ("lift: overview", "Invalid outputs"),  # that there are none is the point
    ("lift: engine", "Grammars at the last start"),  # a scripted engine has no grammar
    ("lift: ingress", "Calls made once more, since a replica died"),  # none does
    ("lift: ingress", "Calls that went over to the other pool"),  # there is none
}
"""The tests of metrics, of the real engine, of the remote engine and of the fallback see the series of these."""


@dataclass
class Collector:
    """A receiver of OTLP over HTTP."""

    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name and span.trace_id.hex() == TRACE]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body
            told = ExportTraceServiceRequest.FromString(body)
            collector.bodies.append(body)
            collector.spans += [s for r in told.resource_spans for scope in r.scope_spans for s in scope.spans]
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield collector
        server.shutdown()


@pytest.fixture(scope="module")
def service(serve: Serve, collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    jobs = {"database": str(tmp_path_factory.mktemp("jobs") / "jobs.sqlite")}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_metrics_report_interval_ms", "1000")
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "500")
        with serve({**ARGS, "jobs": jobs}, {"Engine": SCALING}) as service:
            yield service


@pytest.fixture(scope="module")
def prometheus(service: Any, prometheus: StartPrometheus) -> Iterator[Prometheus]:
    """With the config that is checked in, but for where the nodes are, after a load of ten seconds or so."""
    with watching(service.pid) as watch:
        target = f"127.0.0.1:{watch.metrics_port}"
    [scrape] = yaml.safe_load((CLUSTER / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ]
    del scrape["file_sd_configs"]
    scrape["static_configs"] = [{"targets": [target]}]
    with prometheus([scrape], rules=[CLUSTER / "prometheus" / "alerts.yaml"]) as started:
        started.until("ray_lift_replicas")
        with ThreadPoolExecutor(4) as pool:
            for asked in (len(LOAD) * 2, len(LOAD) * 4):
                list(pool.map(lambda ask: ask(service.client), LOAD * 2))
                # A series that begins with its last value has no rate: all of the first half is seen before the second.
                started.until(f'sum(ray_lift_requests_total{{route=~"lift|validate"}}) == {asked}')
        time.sleep(4)
        yield started


def lift(client: httpx.Client, **body: object) -> int:
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    return client.post("/v1/lift", json={**PROMPT, **body}, headers=headers).status_code


def validate(client: httpx.Client, **body: object) -> int:
    return client.post("/v1/validate", json={"function": "f", **body}).status_code


LOAD: list[Callable[[httpx.Client], int]] = [
    lift,
    lambda client: lift(client, prompt=f"Triple a number, said {SECRET}: double(2) == 6"),
    lambda client: lift(client, prompt=""),
    lambda client: lift(client, timeout_s=0.1),
    lambda client: validate(client, code="def f(x): return x + 1", examples=["f(1) == 2"]),
    lambda client: validate(client, code=LEAVING, examples=["f(1) == 2"]),
]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_query_of_a_dashboard_has_data(board: Any, prometheus: Prometheus) -> None:
    empty = {
        (board.title, panel.title)
        for panel in board.panels
        for promql in panel.queries.values()
        if not prometheus.query(promql.replace("$__rate_interval", "1m"))
    }
    assert empty == {place for place in WITHOUT_DATA if place[0] == board.title}


def test_a_dashboard_can_be_drawn_without_grafana(prometheus: Prometheus, tmp_path: Path) -> None:
    picture = tmp_path / "board.png"
    draw(BOARDS[-1], Pictured(prometheus.url, 60, "30s"), picture)
    assert picture.stat().st_size > 10_000


def test_every_objective_is_recorded_and_every_alert_evaluated(prometheus: Prometheus) -> None:
    for objective in OBJECTIVES:
        for window in WINDOWS:
            assert prometheus.query(objective.recorded(window)), objective.name
    rules = prometheus.client.get("/api/v1/rules").json()["data"]["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} == {"ok"}
    names = {rule["name"] for group in rules for rule in group["rules"] if rule["type"] == "alerting"}
    assert names == {alert.name for alert in ALERTS}


def test_rays_own_series_have_the_names_that_we_know(prometheus: Prometheus) -> None:
    assert [name for name in sorted(RAYS_OWN) if not prometheus.query(name)] == []


@pytest.mark.parametrize(
    ("promql", "expected"),
    [
        ('sum(ray_lift_requests_total{route="lift",outcome="answered"})', 8),
        ('sum(ray_lift_requests_total{route="lift",outcome="refused"})', 4),
        ('sum(ray_lift_requests_total{route="lift",outcome="late"})', 4),
        ('sum(ray_lift_answer_seconds_count{route="lift",level="verified"})', 4),
        ('sum(ray_lift_answer_seconds_count{route="lift",level="rejected"})', 4),
        ('sum(ray_lift_answer_seconds_count{route="validate",level="rejected"})', 4),
        ("sum(ray_lift_repair_rounds_total)", 4),
        ('max(ray_lift_replicas{deployment="Engine",state="running"})', 1),
        ("sum(ray_lift_sandbox_tier)", 1),
        ('sum(ray_lift_sandbox_runs_total{end="silent"}) >= bool 4', 1),
    ],
)
def test_what_happened_is_what_is_counted(promql: str, expected: float, prometheus: Prometheus) -> None:
    assert prometheus.value(promql) == expected


def test_the_cost_is_that_of_the_gpu(prometheus: Prometheus) -> None:
    usd_per_hour = 3_600 * prometheus.value("sum(deriv(ray_lift_cost_dollars_total[1m]))")
    assert usd_per_hour == pytest.approx(6.88, rel=0.2)


def test_a_clients_trace_goes_through_the_whole_graph(prometheus: Prometheus, collector: Collector) -> None:
    assert collector.named("invoke_workflow lift")
    assert {"ir", "code"} == {
        attribute.value.string_value
        for span in collector.spans
        if span.name.startswith("chat ")
        for attribute in span.attributes
        if attribute.key == "lift.stage"
    }
    parents = {span.span_id: span for span in collector.spans}
    [hop, *_] = collector.named("replica_handle_request Engine generate")
    way = []
    while hop := parents.get(hop.parent_span_id):  # type: ignore[assignment]
        way.append(hop.name.split(" ")[0])
    assert "chat" in way
    assert way.index("chat") < way.index("invoke_workflow")
    assert collector.named("execute_tool validator")


def test_neither_traces_nor_logs_hold_a_users_words(prometheus: Prometheus, service: Any, collector: Collector) -> None:
    assert not any(SECRET.encode() in body for body in collector.bodies)
    logs = Path(_session(service), "logs")
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in logs.rglob("*") if path.is_file()}
    assert [path for path, text in texts.items() if SECRET in text] == []
    [ingress] = [text for path, text in texts.items() if "replica_lift_Ingress" in path.name and path.suffix == ".log"]
    lines = [json.loads(line) for line in ingress.splitlines()]
    answered = [line for line in lines if line["message"] == "answered"]
    assert len({line["lift_request_id"] for line in answered}) == 8
    assert all(line["request_id"] and line["level"] in ("verified", "rejected") for line in answered)


def _session(service: Any) -> str:
    """The folder that Ray made for this cluster; its processes name it."""
    words = " ".join(word for p in psutil.Process(service.pid).children(recursive=True) for word in p.cmdline())
    [folder] = set(re.findall(r"/[\w/]*/session_\d[\w-]+", words))
    return str(folder)

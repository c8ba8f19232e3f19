"""`lift bench scale`: its load, what it concludes, and all of it against a small cluster."""

import asyncio
import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from deployments.bench import watch
from deployments.bench.plots import draw
from deployments.bench.scale.arms import PARTS, Arm, Part, arms, autoscaled, read, served_as
from deployments.bench.scale.cores import fullest, limits
from deployments.bench.scale.crowd import SPECIFIED, Crowd
from deployments.bench.scale.load import Asked, Phase, arrivals, climb, hold, ramp, told
from deployments.bench.scale.measure import Plan, followed, step
from deployments.bench.scale.predict import NothingToLearn, expected, learned
from deployments.bench.scale.study import running
from deployments.bench.scaling import Replicas
from deployments.cli.bench.scale import found
from deployments.cli.main import app
from deployments.serve_config import load
from deployments.settings import EngineSettings, Settings
from lift_sys.pipeline import Watch
from schemas import LiftRequest, LiftResponse, StageReport
from schemas.figure import RESULTS
from tests.conftest import free_port
from tests.deployments.scripted_service import ScriptedService, served

GRAPH = Path("cluster/bench.graph.yaml")
TRUE_SIZE = Path("cluster/bench.start.yaml")
ONE = {"RUNNING": 1}


@pytest.mark.parametrize(
    ("parts", "counts", "names"),
    [
        (["scale"], [1, 2, 4], ["4x1", "2x1", "1x1"]),
        (["scale"], [2], ["2x1", "1x1"]),
        (["tp"], [1, 2], ["2x1", "1x1", "1x2"]),
        (["kill"], [1, 2, 4], ["4x1", "1x1"]),
        (["autoscale"], [1, 2, 4], ["1x1"]),
        (["pools"], [1, 2], ["2x1", "1x1", "2x1 per stage"]),
        (PARTS, [1, 2], ["2x1", "1x1", "1x2", "2x1 per stage"]),
    ],
)
def test_each_service_that_a_part_needs_is_measured_once(
    parts: list[Part], counts: list[int], names: list[str]
) -> None:
    found_arms = arms(parts, counts)
    assert [arm.name for arm in found_arms] == names
    assert len({(arm.kind, arm.gpus) for arm in found_arms if arm.gpus > 1}) == sum(arm.gpus > 1 for arm in found_arms)


@pytest.mark.parametrize("made", ["4x1", "1x2", "4x1 per stage", "autoscaled"])
def test_every_config_that_is_made_can_be_served(tmp_path: Path, made: str) -> None:
    one = yaml.safe_load(GRAPH.read_text(encoding="utf-8"))
    before = copy.deepcopy(one)
    ways = {
        "4x1": lambda: served_as(one, Arm(4)),
        "1x2": lambda: served_as(one, Arm(1, 2)),
        "4x1 per stage": lambda: served_as(one, Arm(4, pools="per_stage")),
        "autoscaled": lambda: autoscaled(one, 4, 20.0),
    }
    data = ways[made]()
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert load(path).settings.engine.tensor_parallel == (2 if made == "1x2" else 1)
    assert one == before


def test_a_replica_over_two_gpus_holds_twice_as_much_and_has_twice_as_much_beside_it() -> None:
    data = served_as(yaml.safe_load(GRAPH.read_text(encoding="utf-8")), Arm(1, 2))
    by_name = {one["name"]: one for one in data["applications"][0]["deployments"]}
    assert by_name["Engine"]["ray_actor_options"]["num_gpus"] == 2
    assert by_name["Engine"]["num_replicas"] == 1
    assert by_name["Ingress"]["num_replicas"] == 4
    assert data["applications"][0]["args"]["engine"]["max_cached_tokens"] == 800_000


@pytest.mark.parametrize(
    ("other", "graphs", "running"),
    [(None, {}, 1024), (TRUE_SIZE, {}, 192), (TRUE_SIZE, {"cuda_graph_max_bs_decode": 96}, 192)],
)
def test_an_engine_over_two_gpus_runs_twice_as_many_all_of_them_with_graphs(
    other: Path | None, graphs: dict[str, int], running: int
) -> None:
    data = read(GRAPH, other)
    data["applications"][0]["args"]["engine"]["sglang"] |= graphs
    made = EngineSettings.model_validate(served_as(data, Arm(1, 2))["applications"][0]["args"]["engine"])
    assert made.max_running_requests == running
    assert made.sglang.keys().isdisjoint({"cuda_graph_bs_decode", "cuda_graph_max_bs_decode"})


def test_an_engine_over_two_gpus_does_without_multicast() -> None:
    engine = served_as(read(GRAPH, None), Arm(1, 2))["applications"][0]["args"]["engine"]
    assert engine["sglang"]["enforce_disable_flashinfer_allreduce_fusion"] is True
    assert engine["sglang"]["sampling_backend"] == "pytorch"


def test_another_engine_comes_with_what_it_writes_of_code_and_everything_else_stays() -> None:
    data = read(GRAPH, TRUE_SIZE)
    args, before = data["applications"][0]["args"], yaml.safe_load(GRAPH.read_text(encoding="utf-8"))
    settings = Settings.model_validate(args)
    assert settings.engine.load_format == "dummy"
    assert settings.code.max_tokens == 256
    assert args["code"] == before["applications"][0]["args"]["code"] | {"max_tokens": 256}
    assert data["applications"][0]["deployments"] == before["applications"][0]["deployments"]


def test_four_engines_divided_by_stage_are_two_for_each() -> None:
    arm = Arm(4, pools="per_stage")
    data = served_as(yaml.safe_load(GRAPH.read_text(encoding="utf-8")), arm)
    engines = {one["name"]: one for one in data["applications"][0]["deployments"] if "Engine" in one["name"]}
    assert {name: one["num_replicas"] for name, one in engines.items()} == {"IREngine": 2, "CodeEngine": 2}
    assert all(one["ray_actor_options"]["num_gpus"] == 1 for one in engines.values())
    assert set(arm.engines) == set(engines)


class Bounded(ScriptedService):
    """Answers 20 requests a second at most."""

    def __init__(self) -> None:
        super().__init__()
        self._places = asyncio.Semaphore(4)

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        async with self._places:
            await asyncio.sleep(0.2)
            return await super().lift(request, request_id, watch)


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_short_ramp_finds_what_a_service_can_do() -> None:
    async with served(Bounded().api()) as url, Crowd(url, 2) as crowd:
        found = await ramp(crowd, low=5, objective_s=2)
    assert 10 < found.knee_per_s < 23  # less on a busy machine
    assert any(row.status == 0 for row in found.rows)


class Batching(ScriptedService):
    """As an engine does, it answers more a second the more it has at once: 37 with 75 of them, after two seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._inside = 0

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        self._inside += 1
        try:
            await asyncio.sleep(0.5 + 0.02 * self._inside)
            return await super().lift(request, request_id, watch)
        finally:
            self._inside -= 1


@pytest.mark.siege
@pytest.mark.anyio
async def test_the_knee_is_what_a_full_service_answers_and_not_what_it_answered_while_the_load_rose() -> None:
    async with served(Batching().api()) as url, Crowd(url, 2) as crowd:
        found = await ramp(crowd, low=5, objective_s=2)
    assert 26 < found.knee_per_s < 50  # 21 where its queue empties meanwhile; 50 is the most that it ever answers


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_load_is_told_by_what_was_answered_in_time() -> None:
    async with served(Bounded().api()) as url, Crowd(url, 2) as crowd:
        rows = await hold(crowd, [Phase(10, 2)], seed=1, wait_s=2)
    summary = told(rows, 2, objective_s=1)
    assert summary["statuses"] == {"200": len(rows)}
    assert summary["goodput_per_s"] == summary["offered_per_s"] == len(rows) / 2
    assert 0.2 <= summary["latency_p50_s"] < 1
    assert summary["tokens_per_s"] == 27 * len(rows) / 2
    assert told(rows, 2, objective_s=0.1)["goodput_per_s"] == 0


class Stops(ScriptedService):
    """Answers twenty requests, and no more."""

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        if self.began == 20:
            self.closed.add("ir")
        return await super().lift(request, request_id, watch)


@pytest.mark.siege
@pytest.mark.anyio
async def test_a_service_that_stands_still_under_load_has_no_knee() -> None:
    service = Stops()
    async with served(service.api()) as url, Crowd(url, 1) as crowd:
        with pytest.raises(RuntimeError, match="stood still for"):
            await ramp(crowd, low=10, objective_s=1)
        service.closed.clear()


@pytest.mark.anyio
async def test_a_crowd_asks_what_it_is_given_in_turn() -> None:
    service = ScriptedService()
    async with served(service.api()) as url, Crowd(url, 1, SPECIFIED) as crowd:
        answers = [await crowd.ask() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert service.asked == [*SPECIFIED, SPECIFIED[0]]
    assert all(request.ir for request in SPECIFIED)


@pytest.mark.anyio
async def test_a_service_that_answers_nothing_has_no_knee() -> None:
    async with Crowd(f"http://127.0.0.1:{free_port()}", 1) as crowd:
        with pytest.raises(RuntimeError, match="no request was answered"):
            await ramp(crowd, low=4, objective_s=0.2)


@pytest.mark.siege
@pytest.mark.anyio
async def test_something_happens_in_the_midst_of_a_load_and_who_is_not_answered_is_counted() -> None:
    service = ScriptedService()
    async with served(service.api()) as url, Crowd(url, 1) as crowd:
        rows = await hold(crowd, [Phase(20, 1)], seed=2, wait_s=0.2, event=(0.5, lambda: service.closed.add("ir")))
        service.closed.clear()
    statuses = [row.status for row in rows if row.due_s < 0.4], [row.status for row in rows if row.due_s > 0.6]
    assert set(statuses[0]) == {200}
    assert set(statuses[1]) == {0}


def test_arrivals_come_as_often_as_each_phase_says_and_the_same_for_a_seed() -> None:
    phases = [Phase(10, 100), Phase(50, 100)]
    due = list(arrivals(phases, 3))
    assert due == sorted(due) == list(arrivals(phases, 3))
    assert sum(at_s < 100 for at_s in due) == pytest.approx(1_000, rel=0.1)
    assert sum(at_s >= 100 for at_s in due) == pytest.approx(5_000, rel=0.05)


LIMITS = {"Ingress": 2.0, "Validator": 8.0, "clients": 4.0, "machine": 16.0}


@pytest.mark.parametrize(
    ("used", "first"),
    [
        ({"Ingress": 1.9, "Validator": 6.0, "machine": 10.0}, "Ingress uses 95% of its cores"),
        ({"Ingress": 0.5, "clients": 3.9, "machine": 6.0}, "clients uses 98% of its cores"),
        ({"Ingress": 0.5, "machine": 6.0, "Engine": 5.0}, "Engine: machine uses 38% of its cores"),
        ({}, "not known"),
    ],
)
def test_what_has_the_least_left_is_full_first_and_else_the_engine(used: dict[str, float], first: str) -> None:
    assert fullest(used, LIMITS).startswith(first)


def test_no_part_can_use_more_cores_than_there_are() -> None:
    most = limits(Arm(2), {"Ingress": 4, "IRStage": 2, "Validator": 6}, sandboxes=48, clients=3)
    assert most["Validator"] <= most["machine"] == os.cpu_count()
    assert (most["Ingress"], most["IRStage"], most["clients"]) == (4, 2, 3)


def answered(due_s: float, step_s: float) -> Asked:
    """100 tokens of IR, then two variations of 100 each, 0.2 s for the validator and 0.05 s beside."""
    seconds = 100 * step_s
    stages = (
        StageReport(stage="ir", seconds=seconds, attempts=1, completion_tokens=100),
        StageReport(stage="code", seconds=seconds, attempts=1, completion_tokens=200),
        StageReport(stage="validate", seconds=0.2, attempts=1),
    )
    return Asked(due_s, 0.0, 2 * seconds + 0.25, 200, True, 2, stages)


ENGINE = EngineSettings(kind="scripted")


def test_a_step_that_no_batch_slows_down_makes_two_replicas_as_fast_as_one() -> None:
    rows = [answered(at_s / 2, 0.01) for at_s in range(200)]
    profile = learned([rows], ENGINE)
    for replicas in (1, 2):
        assert expected(profile, replicas, rows, 100)["latency_p50_s"] == pytest.approx(2.25, rel=0.02)


def test_a_step_that_grows_with_the_batch_makes_one_replica_slower_under_the_load_of_two() -> None:
    alone = [answered(5.0 * at, 0.01) for at in range(20)]
    together = [answered(at / 8, 0.02) for at in range(400)]
    profile = learned([alone, together], ENGINE)
    twice = [answered(at / 16, 0.02) for at in range(800)]
    one, two = (expected(profile, replicas, twice, 50)["latency_p50_s"] for replicas in (1, 2))
    assert two == pytest.approx(4.25, rel=0.25)
    assert one > 1.3 * two


def test_from_no_answer_nothing_is_learnt() -> None:
    with pytest.raises(NothingToLearn):
        learned([[Asked(0, 0, 1, 503, False, 0, ())]], ENGINE)


@pytest.mark.parametrize(
    ("way", "stairs"), [((2, 10, 4), [3, 5, 7, 9]), ((10, 2, 4), [9, 7, 5, 3]), ((2, 10, 0), []), ((2, 10, 0.4), [6])]
)
def test_a_load_climbs_by_a_stair_a_second(way: tuple[float, float, float], stairs: list[float]) -> None:
    phases = climb(*way)
    assert [phase.requests_per_s for phase in phases] == stairs
    assert sum(phase.seconds for phase in phases) == way[2]


def test_a_step_up_and_down_is_told_in_seconds_from_either() -> None:
    counts = [(0, 1, 0), (11, 1, 1), (14, 2, 0), (20, 2, 0), (45, 2, 0), (52, 1, 0)]
    seen = followed([Replicas(float(at), running, starting) for at, running, starting in counts], 10, 30, 2)
    assert (seen["step_to_start_s"], seen["step_to_all_s"], seen["back_to_one_s"]) == (1.0, 4.0, 12.0)
    assert (seen["most"], seen["flaps"], len(seen["replicas"])) == (2, 0, 4)


@pytest.mark.parametrize(
    ("arm", "replicas"),
    [
        (Arm(2), {"Engine": {"RUNNING": 2, "STARTING": 1}}),
        (Arm(2, pools="per_stage"), {"IREngine": ONE, "CodeEngine": ONE}),
    ],
)
def test_the_engines_of_all_pools_are_waited_for(arm: Arm, replicas: dict[str, dict[str, int]]) -> None:
    lines = [{"metrics_port": 1}, {"at_s": 0.0, "replicas": replicas}]
    say = f"import time; print({chr(10).join(map(json.dumps, lines))!r}, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", say], stdout=subprocess.PIPE, text=True) as process:
        looked = watch.Watch(process)
        looked.wait()
        assert running(looked, arm) == arm.replicas
        process.kill()


WATCH = """
import json, time
print(json.dumps({"metrics_port": 1}), flush=True)
begun = time.time()
while True:
    passed = time.time() - begun
    replicas = {"RUNNING": 2 if 3.0 < passed < 6.0 else 1, "STARTING": int(2.5 < passed < 3.0)}
    print(json.dumps({"at_s": time.time(), "replicas": {"Engine": replicas}}), flush=True)
    time.sleep(0.05)
"""
"""As `deployments.bench.watch` has it of a cluster that follows a step."""


@pytest.mark.siege
@pytest.mark.anyio
@pytest.mark.parametrize(("climb_s", "asked", "off"), [(0.0, 32, 15), (4.0, 14, 8)])
async def test_a_load_steps_or_climbs_up_and_down_while_replicas_are_watched(
    climb_s: float, asked: int, off: int
) -> None:
    plan = Plan(1, low_per_s=1, objective_s=1, seconds=1, step_s=None, climb_s=climb_s, knee_per_s=10, seed=1)
    with subprocess.Popen([sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True) as process:
        async with served(ScriptedService().api()) as url:
            summary, rows = await step(url, plan, watch.Watch(process), knee_per_s=10, most=2, seconds=2)
        process.kill()
    assert summary["most"] == 2
    assert summary["flaps"] == (climb_s > 0), "while the load still climbs, these replicas go"
    assert len([row for row in rows if 2 <= row.due_s < 4]) == pytest.approx(asked, abs=off)
    assert summary["before"]["statuses"].keys() == summary["after"]["statuses"].keys() == {"200"}


SUMMARY = {
    "arms": {
        "1x1": {"kind": "replicas", "gpus": 1, "efficiency": 1.0},
        "2x1": {"kind": "replicas", "gpus": 2, "efficiency": 0.97},
        "1x2": {"kind": "tp", "gpus": 2, "efficiency": 0.6},
        "2x1 per stage": {"kind": "pools", "gpus": 2, "efficiency": 0.8},
    },
    "kill": {"lost": 3},
    "autoscale": {"step_to_all_s": None},
}


def test_figures_say_how_many_times_one_replica_several_are() -> None:
    told_ = {one["id"]: (one["value"], one["goal"]) for one in found(SUMMARY, "scale")}
    assert told_ == {
        "scale.replicas_2": (1.94, ">= 1.9"),
        "scale.tp_2": (1.2, ""),
        "scale.pools_2": (1.6, ""),
        "scale.lost": (3, "== 0"),
    }


@pytest.mark.parametrize("recorded", ["scale_four_tp", "scale_climb", "scale_pools"])
def test_a_study_is_drawn_by_its_gpus_by_its_climb_or_by_both(recorded: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    copied = shutil.copy(RESULTS / "gpu" / f"{recorded}.json", tmp_path)
    assert draw(Path(copied)).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("climb_s", "name"), [(0, "scale.step_to_all_s"), (60, "scale.climb_to_all_s")])
def test_a_figure_says_whether_the_load_came_at_once(climb_s: float, name: str) -> None:
    autoscale = {"climb_s": climb_s, "step_to_all_s": 58.1}
    assert [(one["id"], one["value"]) for one in found({"arms": {}, "autoscale": autoscale}, "scale")] == [(name, 58.1)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gpus", "2,1"], "rising whole numbers"),
        (["--gpus", "two"], "rising whole numbers"),
        (["--gpus", "1", "--only", "scale,fast"], "--only fast: there are scale, tp, pools, autoscale, kill"),
        (["--gpus", "1", "--engine", "nowhere.yaml"], "No such file"),
    ],
)
def test_a_study_that_cannot_be_is_refused(options: list[str], said: str) -> None:
    run = CliRunner().invoke(app, ["bench", "scale", str(GRAPH), *options])
    assert run.exit_code == 2
    assert said in " ".join(run.output.split())


def small(port: int) -> dict[str, Any]:
    """A service of one replica that takes a GPU, and can do two requests a second."""
    data: dict[str, Any] = yaml.safe_load(Path("cluster/bench.scaling.yaml").read_text(encoding="utf-8"))
    data["http_options"]["port"] = port
    application = data["applications"][0]
    application["args"]["engine"] |= {"scripted_delay_s": 0.5, "scripted_places": 2}
    for deployment in application["deployments"]:
        if deployment.pop("autoscaling_config", None):
            deployment |= {"num_replicas": 1, "ray_actor_options": {"num_cpus": 0.05, "num_gpus": 1}}
    return data


@pytest.mark.cluster
@pytest.mark.timeout(400)
def test_services_are_loaded_below_their_knees_one_after_the_other_on_one_ray(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small(free_port())), encoding="utf-8")
    options = ["--gpus", "1,2", "--only", "pools,autoscale", "--seconds", "5", "--step", "6", "--minutes", "3"]
    options += ["--slo", "3", "--knee", "2", "--clients", "1"]
    lift = str(Path(sys.executable).with_name("lift"))
    variables = {**os.environ, "RAY_OVERRIDE_RESOURCES": json.dumps({"GPU": 2})}
    run = subprocess.run(
        [lift, "bench", "scale", str(path), *options], env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert list(summary["arms"]) == ["2x1", "1x1", "2x1 per stage"]
    assert all(told["statuses"]["200"] > 0 and "Ingress" in told["cores"] for told in summary["arms"].values())
    assert summary["arms"]["1x1"]["efficiency"] == 1
    assert summary["arms"]["2x1"]["efficiency"] > 0
    assert summary["autoscale"]["most"] == 2

"""`locust -f loadtest/locustfile.py --host http://127.0.0.1:8000`: strangers who ask for small functions.

Open loop: requests come when they are due, whoever still waits, and their latency counts from then. `--headless` does
without the page, `--processes 4` takes four cores, and `--help` has the rest at its end. A run in which the load
generator itself was late exits with 3.
"""

import argparse
import logging
import time
from typing import Any

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadtest.arrivals import part
from loadtest.ledger import Ledger
from loadtest.plan import Plan, add_options
from loadtest.rows import Row
from loadtest.stream import Seen, read

LATE = 3
"""The exit code of a run whose self-check failed."""
_LEAD_S = 0.5
_WORKERS_LEAD_S = 2.0
"""Until the first request can be due, in which users start."""
_GRACE_S = 5.0
"""For rows on their way when the last request must have been given up."""
_log = logging.getLogger(__name__)


class Stalled(Exception):
    pass


class LiftUser(FastHttpUser):
    """All strangers of one process, since none of them waits for another."""

    concurrency = 100_000
    ledger: Ledger | None = None
    """Of the run that is going on."""

    def __init__(self, environment: Environment) -> None:
        options = _options(environment)
        self.insecure = options.insecure
        self.default_headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        super().__init__(environment)

    @task
    def arrive(self) -> None:
        options, runner, ledger = _options(self.environment), self.environment.runner, self.ledger
        assert ledger is not None, "a run begins before its users"
        index = runner.worker_index if isinstance(runner, WorkerRunner) else 0
        begun = options.begin_at - time.time() + time.perf_counter()
        pool = Pool()
        try:
            for number, due_s in part(ledger.plan.due, index, options.parts):
                gevent.sleep(max(begun + due_s - time.perf_counter(), 0))
                pool.spawn(self._ask, ledger, number, due_s, begun + due_s)
            pool.join()
        finally:
            pool.kill()
        raise StopUser

    def _ask(self, ledger: Ledger, number: int, due_s: float, due: float) -> None:
        lag_s = time.perf_counter() - due
        seen, status, error = Seen(), 0, None
        limit_s = ledger.plan.timeout_s
        try:
            with gevent.Timeout(limit_s, Stalled(f"no whole answer within {limit_s:g} s")):
                status, error = self._follow(ledger.plan, number, seen, due)
        except gevent.GreenletExit:
            error = "the run was stopped first"
        except Exception as broken:
            error = f"{type(broken).__name__}: {broken}"
        latency_s = time.perf_counter() - due
        times = {"due_s": round(due_s, 4), "lag_s": round(lag_s, 5), "latency_s": round(latency_s, 4)}
        row = Row(number=number, status=status, error=error, **times).with_seen(seen)
        ledger.add(row)
        self._tell(row, ledger.plan.dialect.path)

    def _follow(self, plan: Plan, number: int, seen: Seen, due: float) -> tuple[int, str | None]:
        """The status, and what was wrong."""
        body = plan.dialect.body(plan.mix.prompt(number))
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        answer = self.client.post(plan.dialect.path, json=body, headers=headers, stream=True, catch_response=True)
        if not answer.status_code:
            answer.raise_for_status()
        if answer.status_code != 200:
            return answer.status_code, f"{answer.status_code}: {(answer.text or '')[:200]}"
        for event in read(iter(lambda: answer.stream.readline(b"\n"), b""), plan.dialect.event):
            seen.add(event, time.perf_counter() - due)
        if seen.problem:
            return seen.problem.status, f"{seen.problem.status}: {seen.problem.title}"
        return (200, None) if seen.response else (0, "the stream broke off before its answer")

    def _tell(self, row: Row, path: str) -> None:
        """To locust's own statistics, in which each has a line."""
        self._fire("POST", path, row.latency_s, RuntimeError(row.error) if row.error else None)
        if row.first_output_s is not None:
            self._fire("SEEN", "first output", row.first_output_s)
        for stage, seconds in row.stages.items():
            self._fire("STAGE", stage, seconds)
        if row.verdict:
            self._fire("VERDICT", row.verdict, row.latency_s)

    def _fire(self, kind: str, name: str, seconds: float, exception: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=seconds * 1_000,
            response_length=0,
            exception=exception,
            context={},
        )


class OpenLoop(LoadTestShape):
    """One `LiftUser` in each process, until every request has a row, or none can still get one."""

    def tick(self) -> tuple[int, float] | None:
        if self.runner is None:
            return None
        options, ledger = _options(self.runner.environment), LiftUser.ledger
        longest_s = _WORKERS_LEAD_S + options.seconds + options.timeout_s + _GRACE_S
        if (ledger and ledger.is_full) or time.perf_counter() - self.start_time > longest_s:
            return None
        workers = _parts(self.runner)
        return workers, float(min(workers, 100))


def _options(environment: Environment) -> argparse.Namespace:
    options: argparse.Namespace | None = environment.parsed_options
    if options is None:
        raise RuntimeError("this file is for the command `locust`, which reads its options")
    return options


def _parts(runner: Runner | None) -> int:
    return max(runner.worker_count, 1) if isinstance(runner, MasterRunner) else 1


def begin(environment: Environment, **_: Any) -> None:
    options, runner = _options(environment), environment.runner
    if not isinstance(runner, WorkerRunner):
        # Workers get the options from here.
        options.parts = _parts(runner)
        options.begin_at = time.time() + (_WORKERS_LEAD_S if isinstance(runner, MasterRunner) else _LEAD_S)
    LiftUser.ledger = Ledger(Plan.of(options))


def hand_over(data: dict[str, Any], **_: Any) -> None:
    data["rows"] = LiftUser.ledger.unsent() if LiftUser.ledger else []


def take_over(data: dict[str, Any], **_: Any) -> None:
    ledger = LiftUser.ledger
    if ledger is None:
        return
    for row in data["rows"]:
        ledger.add(Row.model_validate(row))


def end(environment: Environment, **_: Any) -> None:
    if LiftUser.ledger is None or isinstance(environment.runner, WorkerRunner):
        return
    faults = LiftUser.ledger.close()["self_check"]["faults"]
    LiftUser.ledger = None
    for fault in faults:
        _log.error("the run does not count: %s", fault)
    environment.process_exit_code = LATE if faults else 0


events.init_command_line_parser.add_listener(add_options)
events.test_start.add_listener(begin)
events.report_to_master.add_listener(hand_over)
events.worker_report.add_listener(take_over)
events.test_stop.add_listener(end)

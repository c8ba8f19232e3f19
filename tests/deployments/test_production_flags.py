"""The flags of cluster/production.env, as the Serve that is installed reads them."""

from pathlib import Path

import pytest
import ray
import yaml
from ray.serve._private import constants

from deployments.cli.service import PRODUCTION, variables

FLAGS = variables(PRODUCTION)
ON_GPUS = sorted(
    {*PRODUCTION.parent.glob("serve.a*.yaml"), *map(PRODUCTION.with_name, ("serve.yaml", "serve.mixed.yaml"))}
)


def test_serve_or_ray_itself_reads_each_of_them() -> None:
    serve = Path(constants.__file__).read_text(encoding="utf-8")
    of_ray = {name.removeprefix("RAY_").encode() for name in FLAGS if f'"{name}"' not in serve}
    head = Path(ray.__file__).with_name("core").joinpath("src/ray/gcs/gcs_server").read_bytes()
    assert {name for name in of_ray if name not in head} == set()
    assert all(name.islower() for name in of_ray), "as Ray spells its own"


def test_a_silent_machine_is_missed_in_less_time_than_most_requests_have() -> None:
    period_s, timeout_s = (float(FLAGS[f"RAY_health_check_{name}_ms"]) / 1_000 for name in ("period", "timeout"))
    assert (period_s + timeout_s) * int(FLAGS["RAY_health_check_failure_threshold"]) <= 20


def test_a_dead_proxy_is_started_anew_within_seconds() -> None:
    looks = constants.PROXY_HEALTH_CHECK_UNHEALTHY_THRESHOLD
    assert looks * float(FLAGS["RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S"]) <= 5


@pytest.mark.parametrize("config", ON_GPUS, ids=lambda path: str(path.name))
def test_no_request_is_cut_off_because_haproxy_begins_anew(config: Path) -> None:
    longest_s = yaml.safe_load(config.read_text(encoding="utf-8"))["http_options"]["request_timeout_s"]
    assert float(FLAGS["RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"]) > longest_s

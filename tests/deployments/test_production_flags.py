"""The flags of cluster/production.env, as the Serve that is installed reads them."""

from pathlib import Path

import pytest
import yaml
from ray.serve._private import constants

from deployments.cli.service import PRODUCTION, variables

FLAGS = variables(PRODUCTION)
ON_GPUS = sorted(
    {*PRODUCTION.parent.glob("serve.a*.yaml"), *map(PRODUCTION.with_name, ("serve.yaml", "serve.mixed.yaml"))}
)


def test_serve_reads_each_of_them() -> None:
    source = Path(constants.__file__).read_text(encoding="utf-8")
    assert [name for name in FLAGS if f'"{name}"' not in source] == []


def test_a_dead_proxy_is_started_anew_within_seconds() -> None:
    looks = constants.PROXY_HEALTH_CHECK_UNHEALTHY_THRESHOLD
    assert looks * float(FLAGS["RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S"]) <= 5


@pytest.mark.parametrize("config", ON_GPUS, ids=lambda path: str(path.name))
def test_no_request_is_cut_off_because_haproxy_begins_anew(config: Path) -> None:
    longest_s = yaml.safe_load(config.read_text(encoding="utf-8"))["http_options"]["request_timeout_s"]
    assert float(FLAGS["RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"]) > longest_s

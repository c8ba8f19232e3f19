"""The flags of cluster/production.env, as the Serve that is installed reads them."""

from pathlib import Path

from ray.serve._private import constants

from deployments.cli.service import PRODUCTION, variables

FLAGS = variables(PRODUCTION)


def test_serve_reads_each_of_them() -> None:
    source = Path(constants.__file__).read_text(encoding="utf-8")
    assert [name for name in FLAGS if f'"{name}"' not in source] == []


def test_a_dead_proxy_is_started_anew_within_seconds() -> None:
    looks = constants.PROXY_HEALTH_CHECK_UNHEALTHY_THRESHOLD
    assert looks * float(FLAGS["RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S"]) <= 5

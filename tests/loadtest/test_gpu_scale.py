"""The service of one engine replica, multiplied."""

from pathlib import Path

import yaml

from deployments.serve_config import load
from loadtest.gpu_scale import multiplied

CONFIG = Path("cluster/serve.scripted.yaml")


def test_every_deployment_has_as_many_times_its_replicas(tmp_path: Path) -> None:
    once = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    four = multiplied(once, 4)
    [before], [after] = once["applications"], four["applications"]
    assert [one["num_replicas"] for one in after["deployments"]] == [
        4 * one["num_replicas"] for one in before["deployments"]
    ]
    path = tmp_path / "four.yaml"
    path.write_text(yaml.safe_dump(four), encoding="utf-8")
    assert load(path).url == load(CONFIG).url

"""What cluster/k8s repeats of other files, since Kustomize can read none of them into a field."""

from pathlib import Path

import yaml

from deployments.cli.service import PRODUCTION, variables
from deployments.configs.presets import Preset
from deployments.configs.serve import Plain, serve_text

_CLUSTER = Path(__file__).parents[2] / "cluster"
_WRITTEN = "# Written by `make configs` from {}; change it there.\n"


def overlay(preset: Preset) -> str:
    """A kustomization.yaml: the base, with the Serve config of a preset."""
    # The text does not come last: of a patch's end Kustomize cuts the line break.
    patch = [{"op": "add", "value": serve_text(preset), "path": "/spec/serveConfigV2"}]
    return _WRITTEN.format(f"cluster/serve.{preset.name}.yaml") + _dumped(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["../../base"],
            "patches": [{"target": {"kind": "RayService"}, "patch": _dumped(patch)}],
        }
    )


def environment() -> str:
    """A ConfigMap with the variables of cluster/production.env."""
    return _WRITTEN.format("cluster/production.env") + _dumped(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "lift-environment"},
            "data": variables(PRODUCTION),
        }
    )


def alerts() -> str:
    """A PrometheusRule with the groups of cluster/prometheus/alerts.yaml."""
    rules = yaml.safe_load((_CLUSTER / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return _WRITTEN.format("cluster/prometheus/alerts.yaml") + _dumped(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "lift"},
            "spec": rules,
        }
    )


def _dumped(data: object) -> str:
    return yaml.dump(data, Dumper=Plain, sort_keys=False, width=120)

"""`python -m deployments.configs` writes cluster/serve.NAME.yaml, and what cluster/k8s has of other files."""

from pathlib import Path

from deployments.configs.kubernetes import alerts, environment, overlay
from deployments.configs.presets import PRESETS
from deployments.configs.serve import serve_text

_CLUSTER = Path(__file__).parents[2] / "cluster"
_K8S = _CLUSTER / "k8s"


def files() -> dict[Path, str]:
    """By its path, what each file should say."""
    return {
        **{_CLUSTER / f"serve.{preset.name}.yaml": serve_text(preset) for preset in PRESETS},
        **{_K8S / "overlays" / preset.name / "kustomization.yaml": overlay(preset) for preset in PRESETS},
        _K8S / "base" / "environment.yaml": environment(),
        _K8S / "base" / "alerts.yaml": alerts(),
    }


def main() -> None:
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""`python -m deployments.observability` writes cluster/grafana/*.json and cluster/prometheus/alerts.yaml."""

from pathlib import Path

import yaml

from deployments.observability.alerts import rules
from deployments.observability.grafana import dashboard
from deployments.observability.panels import BOARDS

_CLUSTER = Path(__file__).parents[2] / "cluster"
_HEAD = "# Written by `make dashboards` from deployments/observability; change it there.\n"


def files() -> dict[Path, str]:
    """By its path, what each file should say."""
    boards = {_CLUSTER / "grafana" / f"{board.uid}.json": dashboard(board) for board in BOARDS}
    alerts = _HEAD + yaml.safe_dump(rules(), sort_keys=False, width=120)
    return {**boards, _CLUSTER / "prometheus" / "alerts.yaml": alerts}


def main() -> None:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

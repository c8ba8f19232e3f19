"""The dashboards in Grafana's own JSON."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

from deployments.observability.panels import Board, Panel

_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_HEIGHT = 8


def dashboard(board: Board) -> str:
    """The text of a file that Grafana reads. The same board gives the same text."""
    made = (
        Dashboard(board.title)
        .uid(board.uid)
        .tags(["lift"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("source").type("prometheus").label("Prometheus"))
    )
    for panel in board.panels:
        made = made.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _panel(panel: Panel) -> TimeSeries | StateTimeline:
    made = (
        (StateTimeline() if panel.unit == "bool" else TimeSeries())
        .title(panel.title)
        .description(panel.says)
        .unit(panel.unit)
        .min(0)
        .datasource(_SOURCE)
        .height(_HEIGHT)
        .span(panel.width)
    )
    for legend, promql in panel.queries.items():
        made = made.with_target(Dataquery().expr(promql).legend_format(legend).datasource(_SOURCE))
    return made

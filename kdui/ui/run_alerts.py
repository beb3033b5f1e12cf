"""Alerts: what a browser tells a person of runs that end, stall or turn out anomalous, whichever tab is looked at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.workbench.alerts import NEWEST, alerts

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


class AlertCalls:
    """What the browser can ask about runs that it watches."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def run_alerts(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Where the newest runs stand; of those ``watched`` that have ended, whether that is as it should be."""
        watched = frozenset(str(each) for each in list(payload.get("watched") or ())[:NEWEST])
        told = alerts(self.workbench, watched)
        return {"runs": [{"id": each.run, "name": each.name, "state": each.state, "words": each.words} for each in told]}


def alerts_menu() -> str:
    """A menu that assets/modules/alerts.js fills; nothing is on, and no permission asked, before somebody ticks it."""
    return """
<details class="menu views" id="runs-alerts"><summary class="act small">Alerts <span aria-hidden="true">▾</span></summary>
  <div class="menu-items"><h3 class="sub">When a run ends, stalls or learns nothing</h3>
    <label class="choice"><input type="checkbox" id="alert-notify"> Notify me in this browser</label>
    <label class="choice"><input type="checkbox" id="alert-sound"> Play a sound</label>
    <p class="lead" id="alerts-told" role="status">Kept in this browser; this page must stay open, on any tab.</p>
  </div></details>"""

"""Gains of distillation over its control that studies recorded, for the lesson on when a teacher pays."""

import json
from typing import Any

from kdui.catalogue.studies import RESULTS
from kdui.settings import Settings

FEW = ("tenth", "pseudo-labels")  # in an arm's title: what the student is trained on has few labels


def gains(settings: Settings) -> dict[str, Any]:
    """Of each recorded arm with a control: points gained with the half width of the 95 % interval, and the study's verdict."""
    rows = []
    for path in sorted(RESULTS.glob("*.json")):
        table = json.loads(path.read_text("utf-8"))
        for arm in table["arms"]:
            if gain := arm.get("gain_over_control"):
                row = {"title": f"{table['title']}: {arm['arm']}", "few": any(word in arm["arm"].lower() for word in FEW)}
                rows.append({**row, "gain": gain["mean"], "half": gain["half_width"], "verdict": gain["verdict"]})
    return {"title": "Students against themselves without a teacher, three seeds each, from every recorded study", "rows": rows}

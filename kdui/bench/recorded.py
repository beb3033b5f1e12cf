"""What the studies of ``assets/results`` were meant to reach, beside what they did, with the command that repeats it."""

import json
from typing import Any

from kdui.bench.findings import Finding
from kdui.catalogue.studies import RESULTS, read_study
from kdui.catalogue.targets import reached
from kdui.settings import Settings

WORDS = {
    "headline": "reached",
    "accuracy": "accuracy",
    "lost": "lost against the original",
    "below": "below the original's interval",
    "retained": "retained",
    "smaller": "smaller",
    "faster": "faster (p50, batch 1, in turn)",
}


def recorded_results(settings: Settings) -> list[Finding]:
    """One line for each aim of each recorded study; only the aims are recomputed."""
    return [finding for path in sorted(RESULTS.glob("*.json")) for finding in of_table(json.loads(path.read_text("utf-8")))]


def of_table(table: dict[str, Any]) -> list[Finding]:
    """The aims of one recorded table, as its study states them now."""
    seeds = max(len(arm["seeds"]) for arm in table["arms"])
    lines = (f"recorded on {table['machine']['cpu']}, {seeds} {'seed' if seeds == 1 else 'seeds'}; repeat: {table['command']}",)
    return [
        Finding(
            f"{table['title']}, {item['arm']} ({item['model']}): {WORDS[item['what']]}",
            item["value"],
            item["unit"],
            "recorded",
            item["relation"],
            item["aim"],
            lines,
        )
        for item in reached(read_study(table["study"]).aims, table["arms"])
        if item["value"] is not None
    ]

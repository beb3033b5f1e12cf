"""Tags, a note and a pin of the chosen run, as a form that keeps what is typed."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from kdui.core.marks import MOST_TAGS, Marks

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_OFFERED = 60


class MarkCalls:
    """What the browser can ask about a run's marks."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def run_marks(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The marks of a run, and all tags that runs have; with ``marks`` they are kept first."""
        store, run = self.workbench.store, str(payload["run"])
        if isinstance(payload.get("marks"), Mapping):
            store.runs.facts(run)  # a deleted run has none
            store.marks.put(run, Marks.model_validate(payload["marks"]))
        marks = store.marks.of([run]).get(run, Marks())
        known = list(store.marks.tags())[:MOST_OFFERED]
        return {**marks.model_dump(mode="json"), "known": "".join(f'<option value="{escape(tag)}"></option>' for tag in known)}


def marks_html(marks: Marks) -> str:
    """The tags as chips that filter the list by themselves, for its rows."""
    return "".join(
        f'<button type="button" class="tag" data-find="{tag}" title="Show runs tagged {tag}">{tag}</button>'
        for tag in map(escape, marks.tags)
    )


def marks_markup() -> str:
    """The frame that assets/modules/run_marks.js fills."""
    return f"""
<div id="run-marks" class="marks" role="group" aria-label="Tags and note of this run">
  <button type="button" class="act small" id="run-pinned" aria-pressed="false">☆ Keep on top</button>
  <span id="run-tags"></span>
  <label class="sr-only" for="run-tag">New tag, at most {MOST_TAGS}</label>
  <input id="run-tag" list="run-known-tags" maxlength="40" placeholder="Add a tag" autocomplete="off">
  <datalist id="run-known-tags"></datalist>
  <label class="sr-only" for="run-note">Note on this run</label>
  <textarea id="run-note" rows="1" maxlength="4000" placeholder="Note: why this run, what to look at"></textarea>
  <span id="run-marks-told" class="mute" role="status"></span>
</div>"""

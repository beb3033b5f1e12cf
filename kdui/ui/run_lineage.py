"""A run's lineage as a picture: a lane for each model, its boxes in the order of time; a click tells all of one."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from kdui.core.errors import UnknownName
from kdui.core.numbers import duration, number
from kdui.core.run import StepState
from kdui.ui.chart_frame import pin_button
from kdui.ui.run_view import ROLE_TITLES
from kdui.workbench.lineage import Box, lineage

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

KINDS = {"model": "weights", "outputs": "outputs", "onnx": "ONNX file", "measurements": "measured", "report": "report"}
UNDRAWN = "baseline"  # every measurement reads its teacher's file, too: told in words, since its lines would cover the picture
LONGEST = 300  # letters of one setting


class LineageCalls:
    """What the browser can ask about how a run's files came to be."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def run_lineage(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The picture of a run, and of the box ``step`` all that is known."""
        run = self.workbench.store.runs.get(str(payload["run"]))
        boxes = lineage(self.workbench.store, run)
        wanted = str(payload.get("step") or "")
        if wanted and wanted not in [box.step.name for box in boxes]:
            raise UnknownName("step", wanted[:80], [box.step.name for box in boxes])
        chosen = next((box for box in boxes if box.step.name == wanted), None)
        about = box_html(chosen, run.id) if chosen else ""
        return {"title": title(boxes), "html": picture_html(boxes, wanted), "box": about}


def title(boxes: Sequence[Box]) -> str:
    """What the picture says: how much was found in the store, and what that saved."""
    cached = [box for box in boxes if box.cached]
    if not cached:
        return f"{len(boxes)} steps, none of them found in the store"
    saved = sum(box.seconds or 0.0 for box in cached)
    return f"{len(cached)} of {len(boxes)} steps were found in the store, which saved {duration(saved)}"


def picture_html(boxes: Sequence[Box], chosen: str) -> str:
    """A lane for each model; assets/modules/lineage.js draws the lines between what belongs together."""
    lanes: list[list[Box]] = []
    for box in boxes:
        same = lanes and (lanes[-1][-1].step.role, lanes[-1][-1].step.label) == (box.step.role, box.step.label)
        if same:
            lanes[-1].append(box)
        else:
            lanes.append([box])
    inner = "".join(_lane(lane, chosen) for lane in lanes)
    return f'<div class="lineage"><svg aria-hidden="true"></svg><ol>{inner}</ol></div>'


def _lane(lane: Sequence[Box], chosen: str) -> str:
    step = lane[0].step
    name = escape(step.label or step.name)
    role = ROLE_TITLES.get(step.role or "", "Shared")
    boxes = "".join(_box(box, box.step.name == chosen) for box in lane)
    return (
        f'<li class="lane"><p class="lead"><span class="swatch {step.role or ""}"></span><b>{role}</b> {name}</p>'
        f'<div class="lane-boxes">{boxes}</div></li>'
    )


def _box(box: Box, chosen: bool) -> str:
    step = box.step
    sources = [source for name, source in box.inputs.items() if name != UNDRAWN]
    return (
        f'<button type="button" class="box {step.role or ""} {step.state}" id="box-{escape(step.name)}" '
        f'data-step="{escape(step.name)}" data-sources="{escape(json.dumps(sources))}" aria-pressed="{str(chosen).lower()}">'
        f"<b>{escape(step.method.replace('_', ' '))}</b><span>{KINDS.get(step.produces, step.produces)}</span>"
        f'<code>{step.digest[:8]}</code><span class="spent">{spent(box)}</span></button>'
    )


def spent(box: Box) -> str:
    """Its time and whether that was spent in this run."""
    seconds = duration(box.seconds) if box.seconds is not None else ""
    if box.cached:
        return f"cached · {seconds} saved" if seconds else "cached"
    gone = box.step.state is StepState.DONE and not box.there
    return f"{seconds} · cleared away" if gone else seconds or str(box.step.state)


def box_html(box: Box, run: str) -> str:
    """All of one box: digest, cost, what it was made from, its files and settings."""
    made = ""
    if box.created is not None:
        where = f" on {escape(box.device)}" if box.device else ""
        made = f"{box.created:%Y-%m-%d %H:%M} UTC, in {duration(box.seconds or 0.0)}{where}"
        if box.made_by and box.made_by != run:
            made += f' by <a href="?tab=runs&amp;run={escape(box.made_by)}">run {escape(box.made_by)}</a>'
    sources = ", ".join(f"{escape(name)}: {_source(source)}" for name, source in box.inputs.items())
    files = ", ".join(f"{escape(name)} {number(size, 'bytes')}" for name, size in box.files.items())
    settings = "".join(
        f'<tr><th scope="row">{escape(key.replace("_", " "))}</th><td>{escape(_short(value))}</td></tr>'
        for key, value in box.settings.items()
    )
    rows = (
        ("Step", escape(box.step.name)),
        ("Digest", f'<code class="whole">{escape(box.step.digest)}</code>'),
        ("State", "found in the store" if box.cached else str(box.step.state)),
        ("Made", made or "not made yet, or cleared away"),
        ("Made from", sources or "the training data alone"),
        ("Files", files or "none"),
    )
    facts = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    heading = f"{escape(box.operation or box.method)}: {escape(box.step.label or box.step.name)}"
    unfold = (
        f'<details class="fold"><summary>{len(box.settings)} settings</summary>'
        f'<table class="table facts"><tbody>{settings}</tbody></table></details>'
    )
    return (
        f'<h3 class="title">{heading}</h3><table class="table facts"><tbody>{facts}</tbody></table>{unfold if settings else ""}'
    )


def _source(source: str) -> str:
    """A step of the run by its name, which opens it; else the digest."""
    if len(source) == 64 and "." not in source:
        return f"<code>{source[:12]}</code>"
    return f'<button type="button" class="undo" data-step="{escape(source)}">{escape(source)}</button>'


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def lineage_markup() -> str:
    """The frame that assets/modules/lineage.js fills once it is unfolded."""
    return f"""
<details class="fold" id="run-lineage-fold"><summary>Lineage: what was made from what</summary>
  <div class="under"><h3 class="title" id="lineage-title">&nbsp;</h3><span></span>{pin_button("lineage", hidden=False)}</div>
  <div id="lineage-picture"></div><div id="lineage-box" tabindex="-1"></div></details>"""

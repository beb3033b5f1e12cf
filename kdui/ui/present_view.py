"""The frame that assets/modules/present.js fills."""

from html import escape

from kdui.workbench.decision import Decide

EMPTY = (
    "<b>No slides yet.</b><br>Press <b>Pin</b> at a chart, a table or a sentence in "
    '<a href="?tab=explore">Explore</a>, <a href="?tab=runs">Runs</a> or <a href="?tab=compare">Compare</a>, '
    "or decide about a run below and pin that."
)
# field -> title, unit, and what follows it; their defaults are those of Decide
AIMS = (("retain", "Retained at least", "%"), ("faster", "Faster at least", "×"), ("smaller", "Smaller at least", "×"))
INPUTS = (
    ("answers", "Answers per month", ""),
    ("price", "Price of a core", "per hour"),
    ("currency", "Currency", ""),
    ("power", "Power of a busy core", "W"),
    ("grid", "CO₂ of electricity", "g/kWh"),
    ("mbit", "4G connection", "Mbit/s"),
    ("peak", "Peak traffic", "answers/s"),
    ("cores", "Cores of a machine", ""),
    ("load", "Load at the peak", "%"),
    ("share", "Share of a device for the model", "%"),
    ("flash", "Flash of your device", "kB"),
)


def markup() -> str:
    """Presentation, its slides beside the chosen one, and the decision page."""
    return f"""
<section class="card" aria-labelledby="present-label">
  <h2 class="label" id="present-label">Presentation</h2>
  <div class="filters"><label class="field grow"><span>Shown</span><select id="present-deck"></select></label>
    <label class="field grow"><span>Name</span><input id="present-name" maxlength="80" autocomplete="off"></label>
    <div class="buttons at-end"><button type="button" class="act small" data-name="new">Begin new</button>
    <button type="button" class="act small" data-name="rename">Rename</button>
    <button type="button" class="act small" data-name="delete">Delete…</button></div></div>
  <div class="buttons" id="present-acts">
    <button type="button" class="act primary" data-go="slides">Show slides</button>
    <button type="button" class="act" data-go="presenter">Presenter’s window</button>
    <button type="button" class="act" data-go="print">Print or PDF</button>
    <a class="btn act" id="present-file" href="?tab=present" download hidden>HTML file</a>
    <a class="btn act" id="present-pptx" href="?tab=present" download hidden>PowerPoint file</a>
    <button type="button" class="act" data-go="undo" disabled>Undo</button></div>
  <p class="lead">Slides: ← → turn, F full screen, N presenter’s window, Esc ends.</p>
  <div id="present-message" role="status"></div>
</section>
<div class="empty" id="present-empty" hidden>{EMPTY}</div>
<div class="split" id="present-shown" hidden>
  <section class="card" aria-labelledby="present-order"><h2 class="label" id="present-order">Slides</h2>
    <p class="lead">Drag, or Alt + ↑ ↓ on a slide.</p><ol id="present-list"></ol></section>
  <section class="card" id="present-chosen" aria-labelledby="present-slide-label" hidden>
    <h2 class="label" id="present-slide-label">Chosen slide</h2>
    <label class="field"><span>Title</span><input id="slide-title" data-word="title" maxlength="200" autocomplete="off"></label>
    <label class="field"><span>One sentence</span>
      <input id="slide-sentence" data-word="sentence" maxlength="600" autocomplete="off"></label>
    <label class="field"><span>Speaker notes, only in the presenter’s window</span>
      <textarea id="slide-notes" data-word="notes" rows="3" maxlength="5000"></textarea></label>
    <div class="buttons"><label class="check">
      <input type="checkbox" id="slide-live"> Live: computed again whenever it is shown</label>
      <button type="button" class="act small" data-go="remove">Remove</button></div>
    <div id="slide-view"></div>
  </section>
</div>
{_decision()}
<dialog id="present-dialog" aria-labelledby="present-dialog-text"><p id="present-dialog-text"></p>
  <form method="dialog" class="buttons"><button class="act" value="no">Keep it</button>
  <button class="act danger" value="yes">Delete for good</button></form></dialog>
"""


def _decision() -> str:
    """The form of the decision page; numbers are read as they stand, an empty one asks nothing or is not known."""
    defaults = Decide(run="")
    aims = "".join(_number(name, title, unit, getattr(defaults, name)) for name, title, unit in AIMS)
    inputs = "".join(
        _number(name, title, unit, getattr(defaults.inputs, name), text=name == "currency") for name, title, unit in INPUTS
    )
    return f"""
<section class="card" id="decision" aria-labelledby="decision-label" hidden>
  <div class="bought-head"><h2 class="label" id="decision-label">Decide about a run</h2>
    <div class="buttons"><button type="button" class="act small" data-pin="decision">Pin</button>
    <button type="button" class="act small" data-go="card">Markdown model card</button></div></div>
  <div class="filters"><label class="field grow"><span>Run</span><select id="decision-run"></select></label>
    <label class="field grow"><span>Model</span><select id="decision-model"></select></label></div>
  <fieldset class="inputs"><legend>Aims: what the verdict is judged by</legend>{aims}</fieldset>
  <fieldset class="inputs"><legend>Inputs that nobody can measure here</legend>{inputs}</fieldset>
  <div id="decision-view"></div>
</section>"""


def _number(name: str, title: str, unit: str, value: object, *, text: bool = False) -> str:
    kind = 'type="text" maxlength="8"' if text else 'type="number" min="0" step="any"'
    shown = "" if value is None else f"{value:g}" if isinstance(value, float) and value < 1e6 else str(value).removesuffix(".0")
    after = f", {unit}" if unit else ""
    return (
        f'<label class="field"><span>{escape(title + after)}</span>'
        f'<input id="decide-{name}" data-decide="{name}" {kind} value="{escape(shown)}" autocomplete="off"></label>'
    )

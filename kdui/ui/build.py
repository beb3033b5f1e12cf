"""Build: what to distill, how, and what it will cost before it starts.

One state (see ``build_changes.State``) is the recipe itself. The browser keeps it, sends it with what a person changed, and gets
the changed state back with all that is shown of it: one request for a knob as for a whole other recipe.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.core.errors import KduiError
from kdui.ui.build_actions import (
    Sweep,
    counted,
    grid,
    needed,
    queued,
    queued_search,
    queued_sweep,
    saved,
    search_suggestion,
    sweep_choices,
)
from kdui.ui.build_changes import State, changed, recipe_of, shown
from kdui.ui.build_form import change
from kdui.ui.build_view import View
from kdui.ui.own_data import DIALOG as OWN_DATA
from kdui.ui.own_data import OwnDataCalls
from kdui.ui.panel import create_panel, options
from kdui.ui.search_view import keep_profile, search_devices, wished
from kdui.ui.what_if import create_what_if

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_CHANGES = 200  # at once: those that a person made while an answer was on its way


def create_build(workbench: "Workbench") -> None:
    """Three columns, a bar with the buttons, and What-if below them."""
    calls, own = BuildCalls(workbench), OwnDataCalls(workbench)
    offered = [calls.build_plan, calls.build_queue, calls.build_sweep, calls.build_search, calls.build_save]
    offered += [own.own_look, own.own_keep, own.own_upload]
    create_panel("build", markup(workbench.devices()), offered)
    create_what_if(workbench)


class BuildCalls:
    """What the browser can ask of Build."""

    def __init__(self, workbench: "Workbench"):
        self.bench = workbench
        self.view = View(workbench)

    def build_plan(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The state after ``changes``, and what is shown of it; one that cannot be made is left out, and ``refused`` says why."""
        state, notices, refused = self._state(payload), list[str](), ""
        changes = payload.get("changes")
        for item in changes[:MOST_CHANGES] if isinstance(changes, list) else ():
            try:
                after = changed(self.bench, state, item if isinstance(item, Mapping) else {})
            except KduiError as problem:
                refused = str(problem)
                continue
            state, notices = after.state, [*notices, *after.told]
        seen = payload.get("seen")
        view = self.view.of(state, seen if isinstance(seen, Mapping) else {}, patient=bool(payload.get("patient")))
        return {**view, "told": notices, "refused": refused}

    def build_queue(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Queue the run."""
        return {"said": queued(self.bench, self._state(payload))}

    def build_sweep(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What can be swept, how many runs the wish makes and takes; with ``queue`` they are queued."""
        state, sweep = self._state(payload), Sweep.model_validate(payload.get("sweep") or {})
        if payload.get("queue"):
            return {"said": queued_sweep(self.bench, state, sweep)}
        recipe = recipe_of(state)
        listed = sweep_choices(recipe)
        return {
            "knobs": options(listed),
            "seconds": options([("", "nothing else"), *listed]),
            "count": counted(grid(self.bench, recipe, sweep)[1]) if sweep.values.strip() or sweep.second_values.strip() else "",
            "needed": needed(self.bench, sweep.effect, recipe.task),
        }

    def build_search(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What a search could vary; with ``queue`` it begins."""
        state = self._state(payload)
        if payload.get("queue"):
            asked = payload.get("search")
            wish = wished(recipe_of(state), asked if isinstance(asked, Mapping) else {})
            return {"said": queued_search(self.bench, state.device, *wish)}
        if payload.get("profile"):
            keep_profile(self.bench, str(payload["profile"]))
        return {"axes": search_suggestion(recipe_of(state)), "devices": options(search_devices(self.bench))}

    def build_save(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Keep the recipe under a name."""
        return saved(self.bench, self._state(payload), str(payload.get("name") or ""), replace=bool(payload.get("replace")))

    def _state(self, payload: Mapping[str, Any]) -> State:
        """The state that was sent; without one, the recipe that a page begins with."""
        if payload.get("state"):
            return State.model_validate(payload["state"])
        name = self.bench.recipe_names()[0]
        return shown(self.bench.recipe(name), name)


# --- the frame that assets/modules/build.js fills -----------------------------------------------------------------------------


BAR = """
<section id="build-bar" aria-label="Run">
  <div id="build-status"></div><div id="build-sum"></div>
  <p class="role-note lead" role="note">Your role is viewer: you can look at every setting here, but not queue or save.
    Ask a host of this page for the role runner.</p>
  <div class="buttons">
    <button type="button" class="act primary" id="queue-run" disabled>Queue run</button>
    <button type="button" class="act" id="open-sweep">Queue a sweep…</button>
    <button type="button" class="act" id="open-search">Search…</button>
    <button type="button" class="act" id="open-save">Save recipe</button>
    <button type="button" class="act" id="build-undo" disabled title="Ctrl+Z">Undo</button>
  </div>
</section>
"""
HOW = """
  <section class="card how" aria-labelledby="build-how">
    <div class="how-head"><h2 class="label" id="build-how">How</h2>
      <div class="scale" role="group" aria-label="Scale" id="build-scale"></div></div>
    <nav id="build-strip" aria-label="Steps"></nav>
    <div id="build-step"></div>
  </section>
"""
SWEEP = """
<dialog id="sweep-panel" aria-labelledby="sweep-title"><form method="dialog"><h3 class="title" id="sweep-title">Queue a sweep</h3>
  <div class="sweep">
    <label class="field"><span>Setting</span><select id="sweep-knob" data-sweep="knob"></select></label>
    <label class="field"><span>Values, separated by commas</span><input type="text" id="sweep-values" data-sweep="values"
      placeholder="1, 2, 4, 8" autocomplete="off"></label>
    <label class="field"><span>With each value of</span><select id="sweep-second" data-sweep="second"></select></label>
    <label class="field"><span>Values of the second</span><input type="text" id="sweep-second-values" data-sweep="second_values"
      placeholder="0.3, 0.6, 0.9" autocomplete="off"></label>
    <label class="field"><span>Seeds: repeats of each value, for error bars</span><input type="number" id="sweep-seeds"
      data-sweep="seeds" value="1" min="1" max="20"></label>
    <label class="field"><span>Difference to see, in points</span><input type="number" id="sweep-effect" data-sweep="effect"
      step="any" placeholder="how many seeds does it take?"></label>
  </div>
  <div id="sweep-count"></div><div id="sweep-needed"></div><div id="sweep-said"></div>
  <div class="buttons"><button type="button" class="act primary" id="queue-sweep">Queue these runs</button>
    <button class="act" value="cancel">Close</button></div></form></dialog>
"""
SEARCH = """
<dialog id="search-panel" aria-labelledby="search-title"><form method="dialog">
  <h3 class="title" id="search-title">Search under a budget</h3>
  <p class="lead">Trials are ordinary runs, proposed by Optuna and measured on this machine.</p>
  <label class="field"><span>What may vary: one setting a line, as values or a range</span><textarea id="search-axes" rows="5"
    data-search="axes" spellcheck="false"></textarea></label>
  <div class="sweep">
    <label class="field"><span>Wanted</span><select data-search="aim"><option value="best">the best within the limits</option>
      <option value="front">all trade-offs (the front)</option></select></label>
    <label class="field"><span>Minutes</span><input type="number" data-search="minutes" value="30" min="1" step="any"></label>
    <label class="field"><span>Download at most, MB</span>
      <input type="number" data-search="download_mb" min="0" step="any"></label>
    <label class="field"><span>Latency at most, ms</span><input type="number" data-search="latency_ms" min="0" step="any"></label>
    <label class="field"><span>Latency on</span><select id="search-device" data-search="device_profile"></select></label>
    <label class="field"><span>Add a profile from another machine</span>
      <input type="file" id="search-profile" accept=".json,application/json"></label>
  </div>
  <p class="sub">There, <code>python app.py profile --out FILE</code> times the machine. Latency on it is estimated.</p>
  <div id="search-said"></div>
  <div class="buttons"><button type="button" class="act primary" id="start-search">Start the search</button>
    <button class="act" value="cancel">Close</button></div></form></dialog>
"""
SAVE = """
<dialog id="save-panel" aria-labelledby="save-title"><form method="dialog"><h3 class="title" id="save-title">Save recipe</h3>
  <label class="field"><span>Name</span>
    <input type="text" id="save-name" placeholder="Name of the recipe" autocomplete="off"></label>
  <div id="save-said"></div>
  <div class="buttons"><button type="button" class="act primary" id="save-recipe">Save</button>
    <button type="button" class="act" id="replace-recipe" hidden>Replace it</button>
    <button class="act" value="cancel">Close</button></div></form></dialog>
"""


def markup(devices: list[str]) -> str:
    """The bar stands first, so that its buttons are at hand for the keyboard too."""
    columns = f'<div class="cols three build">{_what()}{HOW}{_cost(devices)}</div>'
    return f"{BAR}{columns}{SWEEP}{SEARCH}{SAVE}{OWN_DATA}"


def _what() -> str:
    return f"""
  <section class="card what" aria-labelledby="build-what"><h2 class="label" id="build-what">What</h2>
    <div class="start"><div class="field"><label for="build-start">Start from</label>
      <select id="build-start" {change("start")}></select></div><div id="build-edited"></div></div>
    <div id="build-notice"></div>
    {_task()}
    {_model("teacher", "Teacher")}
    {_model("student", "Student")}
    <div class="pick">{_list("method", "What the student learns from", change("method"))}</div>
    <div class="pick compressed">{_list("compression", "Compression", change("compression"))}</div>
    <div class="turn"><label for="build-seed">Seed</label><span class="amount"><input type="number" id="build-seed" step="1"
      aria-describedby="build-seed-help" {change("seed")}></span>
      <p class="help" id="build-seed-help">Random seed for initialization, data order and dropout.</p></div>
  </section>"""


def _cost(devices: list[str]) -> str:
    return f"""
  <section class="card cost-card" aria-labelledby="build-costs">
    <h2 class="label" id="build-costs">What it will cost <span class="prov">● measured ○ estimated</span></h2>
    <div id="build-cost"><p class="lead">Estimating …</p></div>
    <div class="code-head"><h3 class="sub">Command line</h3>
      <button type="button" class="quiet" data-copy="#build-command">Copy</button></div>
    <pre class="code" id="build-command" tabindex="0"></pre>
    <div class="turn"><label for="build-device">Run on</label>
      <select id="build-device">{options([(name, name) for name in devices])}</select></div>
    <details class="more" id="build-yaml-fold"><summary>YAML</summary>
      <textarea id="build-yaml" class="code" rows="14" spellcheck="false" aria-label="Recipe as YAML"></textarea>
      <div class="buttons"><button type="button" class="quiet" data-copy="#build-yaml">Copy</button>
        <button type="button" class="quiet" id="load-yaml">Load this YAML</button></div></details>
    <a class="to-what-if" href="#whatif-panel">What if it were compressed after training?</a>
  </section>"""


def _list(name: str, title: str, changes: str) -> str:
    return f'<label for="build-{name}">{title}</label><select id="build-{name}" {changes}></select>'


def _task() -> str:
    return f'<div class="pick">{_list("task", "Task", change("task"))}<div id="build-task-facts"></div></div>'


def _model(role: str, title: str) -> str:
    changes = change("model", of=role)
    hint = "hub:OWNER/NAME, folder:PATH" + (", onnx:PATH, csv:PATH, api:SERVER?model=NAME" if role == "teacher" else "")
    return f"""<div class="pick {role}">{_list(role, title, changes)}
      <input type="text" id="build-{role}-name" {changes} aria-label="{title} by name" placeholder="{hint}" autocomplete="off"
        spellcheck="false" hidden>
      <div id="build-{role}-facts"></div><div id="build-{role}-options"></div></div>"""

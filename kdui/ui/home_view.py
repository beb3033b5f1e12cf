"""The frame of Home, and what is told on it of the person's own runs and of a goal."""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from kdui.catalogue.goals import goals
from kdui.catalogue.lessons import lessons
from kdui.catalogue.recipe_files import FIRST_START
from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.numbers import duration
from kdui.core.page_rows import Estimate, RunDetail, RunRow
from kdui.ui.build_facts import summary_html
from kdui.ui.run_table import ago
from kdui.ui.run_view import gain_html
from kdui.ui.walk import STOPS
from kdui.workbench.gallery import Card
from kdui.workbench.guided_start import Suggestion

SHOWN = 4  # recorded runs that are seen at once
FIRST = (
    '<p class="big"><b>Nothing has run here yet.</b></p><p class="lead">The quickstart trains a teacher and a student on '
    "handwritten digits, one in ten of them labelled, and shows what the teacher is worth.</p>"
    f'<div class="buttons"><a class="btn act primary" href="?tab=build&amp;from={FIRST_START}">Open the quickstart</a></div>'
)


def markup(recorded: Sequence[Card], tasks: Mapping[str, TaskFacts]) -> str:
    """Three doors, what runs or comes next, and a recipe from a goal."""
    return f"""
<header class="hello"><h2 class="hello-title">What would you like to do?</h2>
  <p class="idea">A large model teaches a small one (distillation), and compression makes that one smaller still.
  Every number here was measured, or says how it came to be.</p></header>
<nav class="doors" aria-label="Three ways in">{_doors()}</nav>
<div class="home-row"><div class="home-left">
  <section class="card now" aria-labelledby="home-now-label"><h2 class="label" id="home-now-label">Now and next</h2>
    <div id="home-now" role="status"><p class="lead">Looking …</p></div>
    <div class="offer" id="home-walk"><button type="button" class="act" data-walk="start">Guided walk</button>
      <span class="sub"><span class="new">New here? </span>From Build to Present on the quickstart, in {len(STOPS)} stops.</span>
      <button type="button" class="quiet new" data-walk="end">Not now</button></div></section>
  {recorded_html(recorded, tasks)}</div>
  <section class="card goal" aria-labelledby="home-goal-label"><h2 class="label" id="home-goal-label">Start from a goal</h2>
    {_questions()}
    <div id="home-goal" aria-live="polite"></div>
  </section>
</div>
"""


def recorded_html(recorded: Sequence[Card], tasks: Mapping[str, TaskFacts]) -> str:
    """The runs that come with kdui; their links load the page anew, because no view mixes them with a person's own."""
    if not recorded:
        return ""
    cards = [_recorded(card, tasks[card.task]) for card in recorded]
    rest = (
        f'<details class="recorded-more"><summary>{len(cards) - SHOWN} more: texts, sounds, boxes, masks and others</summary>'
        f'<ul class="recorded-list">{"".join(cards[SHOWN:])}</ul></details>'
        if len(cards) > SHOWN
        else ""
    )
    return f"""<section class="card" aria-labelledby="home-recorded"><h2 class="label" id="home-recorded">⟲ Recorded runs</h2>
  <p class="lead">Made by this program on another machine, and read-only. They stay apart from your own runs.</p>
  <ul class="recorded-list">{"".join(cards[:SHOWN])}</ul>{rest}</section>"""


def _recorded(card: Card, task: TaskFacts) -> str:
    explore = escape(urlencode({"tab": "explore", "runs": "recorded", "task": card.task}))
    replay = escape(urlencode({"tab": "runs", "runs": "recorded", "run": card.run, "replay": "auto"}))
    name, what = escape(card.name), escape(task.headline.unsaid)
    outcome = f'{escape(card.headline)}<span class="mark" role="img" aria-label="replayed">⟲</span>'
    named = f"{outcome} <span>{what}</span>" if what else outcome
    return f"""<li><b>{name}</b><span class="sub">{escape(task.title)} · <span class="whole">{named}</span> · took
  {duration(card.seconds)}</span><span>{escape(card.sentence)}</span>
  <span class="buttons"><a class="btn act small" href="./?{replay}">⟲ Replay<span class="sr-only"> {name}</span></a>
  <a class="btn act small" href="./?{explore}">Explore<span class="sr-only"> {name}</span></a></span></li>"""


def _doors() -> str:
    minutes = [each.minutes for each in lessons().values()]
    count = f"{len(minutes)} lessons of {min(minutes)} to {max(minutes)} minutes"
    listed = (
        (
            "learn",
            "Learn",
            f"{count}: predict, move the picture, see what happens.",
        ),
        ("explore", "Explore results", "Accuracy against size and speed of every measured model, under your own limits."),
        ("build", "Build", "Put a recipe together, see what it will cost, and watch it run."),
    )
    return "".join(
        f'<a class="btn door {name}" href="?tab={name}"><b>{title}</b><span>{words}</span></a>' for name, title, words in listed
    )


def _questions() -> str:
    chips = "".join(
        f'<label class="chip-choice"><input type="radio" name="home-goal" value="{goal.name}"{" checked" if not at else ""}>'
        f"<span>{escape(goal.title)}</span></label>"
        for at, goal in enumerate(goals().values())
    )
    return f"""<fieldset class="question"><legend>1. What matters most?</legend><div class="chips">{chips}</div></fieldset>
    <div class="filters"><label class="field grow"><span>2. On which data?</span><select id="home-task"></select></label>
      <label class="field grow" id="home-teacher-field"><span>3. Which teacher?</span><select id="home-teacher"></select></label>
      <label class="field grow" id="home-model-field" hidden><span>3. Which model?</span><input id="home-model" autocomplete="off"
        spellcheck="false" placeholder="hub:OWNER/NAME, folder:PATH, onnx:PATH, csv:PATH"></label></div>"""


def newest_html(row: RunRow, detail: RunDetail | None, metric: Metric) -> str:
    """What the newest run came to, and what to do with it next."""
    run = escape(row.id)
    if detail is None:
        words = f'<div class="fail">{escape(row.error)}</div>' if row.error else ""
        return (
            f'<p class="big"><b>{escape(row.name)}</b> {escape(row.state)} {ago(row.created)}.</p>{words}'
            f'<div class="buttons"><a class="btn act" href="?tab=runs&amp;run={run}">See why in Runs</a></div>'
        )
    gain = gain_html(detail.gain, metric)
    task = escape(detail.run.recipe.task)
    return f"""<p class="big"><b>{escape(row.name)}</b> finished; queued {ago(row.created)}.</p>{gain}
<ol class="next"><li><a href="?tab=explore&amp;task={task}">Read the trade-off</a> of accuracy, size and speed in Explore</li>
  <li><a href="?tab=compare&amp;task={task}">Try it on your own input</a> in Compare, beside its teacher</li>
  <li><a href="?tab=runs&amp;run={run}">Pin what matters</a> in Runs, and show it in
    <a href="?tab=present">Present</a></li></ol>"""


def suggestion_html(suggestion: Suggestion, estimate: Estimate | None, headline: str, link: str) -> str:
    """Each choice with its reason, the cost, and the way to Build."""
    rows = "".join(
        f'<tr><th scope="row">{escape(each.what)}</th><td><b>{escape(each.chosen)}</b>'
        f'<span class="sub">{escape(each.why)}</span></td></tr>'
        for each in suggestion.choices
    )
    cost = summary_html(estimate, headline) if estimate else '<p class="sum">Time and size are known once the model was read.</p>'
    target = escape(urlencode({"tab": "build", "recipe": link}))
    return (
        f'<div class="goal-cost"><div>{cost}<span class="prov">● measured ○ estimated</span></div>'
        f'<a class="btn act primary" id="home-fill" href="?{target}">Fill Build</a></div>'
        f'<table class="table reasons"><tbody>{rows}</tbody></table>'
    )

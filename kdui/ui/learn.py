"""Learn: lessons of a few minutes, each one picture that the reader moves, one prediction, and a recipe to go on with."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from kdui.catalogue.languages import ENGLISH
from kdui.catalogue.lessons import Lesson, glossary, known_language, lesson, lesson_data, lessons
from kdui.catalogue.recipe_files import validated
from kdui.core.recipe import Recipe
from kdui.ui.build_address import packed
from kdui.ui.lesson_text import bullets, inline, paragraphs
from kdui.ui.panel import create_panel, options

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


def create_learn(workbench: "Workbench") -> None:
    """The list of lessons on the left, the open one on the right; both are fetched when the tab is opened."""
    calls = LearnCalls(workbench)
    create_panel("learn", MARKUP, [calls.learn_list, calls.learn_lesson, calls.learn_trial])


class LearnCalls:
    """What the browser can ask about lessons."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def learn_list(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Every lesson in a line, and the glossary, in the language that is asked for."""
        language = known_language(payload.get("language"))
        rows = [
            {"name": each.name, "number": each.number, "title": each.title, "idea": each.idea, "minutes": each.minutes}
            for each in lessons(language).values()
        ]
        return {"lessons": rows, "glossary": {term: each.model_dump() for term, each in glossary(language).items()}}

    def learn_lesson(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One lesson as HTML, with its figure's name and data."""
        language = known_language(payload.get("language"))
        found = lesson(str(payload["lesson"]), language)
        return {
            "name": found.name,
            "figure": found.figure,
            "data": lesson_data(found),
            "html": lesson_html(
                found, [(task.name, task.title) for task in self.workbench.tasks()], self._newest_task(), language
            ),
            "right": found.question.right,
            "show": found.question.show,
        }

    def learn_trial(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The address of Build with the lesson's change in the recipe of a task."""
        recipe = trial_recipe(lesson(str(payload["lesson"])), self.workbench.default_recipe(str(payload["task"])))
        self.workbench.check(recipe)
        return {"recipe": packed(None, recipe)}

    def _newest_task(self) -> str:
        recent = self.workbench.runs(size=1).rows
        return recent[0].task if recent else self.workbench.tasks()[0].name


def trial_recipe(found: Lesson, base: Recipe) -> Recipe:
    """The task's own recipe with what the lesson changes; raises where it does not suit the task."""
    if found.trial.stages:
        teacher = {key: value for key, value in base.plain().items() if key != "student"}
        base = validated({**teacher, "stages": [*teacher["stages"][:1], *found.trial.stages]}, f"Lesson '{found.title}'")
    return base.with_values({"name": found.title, "summary": "", **found.trial.values})


def lesson_html(found: Lesson, tasks: list[tuple[str, str]], task: str, language: str = ENGLISH) -> str:
    """The article around the figure; the answer is in it from the start, hidden, so that a handout can print it."""
    choices = "".join(
        f'<button type="button" class="choice" data-choice="{place}" aria-pressed="false">'
        f'<span class="letter">{"ABCDE"[place]}</span><span>{inline(text)}</span></button>'
        for place, text in enumerate(found.question.choices)
    )
    terms = "".join(
        f"<dt>{escape(each.name)}</dt><dd>{inline(each.words)}</dd>" for each in map(glossary(language).__getitem__, found.terms)
    )
    sources = "".join(f'<li><a href="{escape(each.url)}">{escape(each.title)}</a></li>' for each in found.sources)
    return f"""
<header class="lesson-head"><p class="caps">Lesson {found.number} · {found.minutes} minutes</p>
  <h2 class="lesson-title" id="lesson-title" tabindex="-1">{escape(found.title)}</h2>
  <p class="idea">{inline(found.idea)}</p></header>
<div class="lesson-body">
  <div class="lesson-text opening">{paragraphs(found.opening)}</div>
  <div class="lesson-figure" id="lesson-figure" role="group" aria-label="Interactive picture"></div>
  <div class="lesson-text">
    <section class="predict" id="lesson-question"><h3>Predict, then reveal</h3><p class="ask">{inline(found.question.ask)}</p>
      <div class="choices" role="group" aria-label="Your prediction">{choices}</div>
      <button type="button" class="act small with-class" data-classroom="question" data-lesson="{found.name}">
        Ask the class</button>
      <div id="lesson-answer" class="reveal" role="status" hidden><p class="verdict" id="lesson-verdict"></p>
        <div>{paragraphs(found.question.why)}</div></div></section>
    <section class="tries"><h3>Try this</h3>{bullets(found.tries)}</section>
    <section><h3>What to take away</h3>{paragraphs(found.closing)}</section>
    <section class="trial"><h3>Try it on your task</h3>{paragraphs(found.trial.note)}
      <div class="buttons"><label class="field"><span class="sr-only">Task</span>
        <select id="lesson-task">{options(tasks, task)}</select></label>
        <button type="button" class="act primary" id="lesson-try">Fill Build</button></div>
      <div id="lesson-problem"></div></section>
    <section class="terms"><h3>Terms</h3><dl>{terms}</dl></section>
    <section class="sources"><h3>Sources</h3><ul translate="no">{sources}</ul></section>
  </div>
</div>"""


MARKUP = """
<div class="learn">
  <nav class="card lesson-list" aria-label="Lessons">
    <div id="learn-list"><p class="lead" role="status">Loading the lessons …</p></div></nav>
  <article class="card lesson" id="learn-lesson" aria-labelledby="lesson-title"></article>
</div>
<div id="learn-tip" class="tip" role="tooltip" hidden></div>
"""

"""Compare: two to four models on one input, and the test examples on which they part."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdui.catalogue.problems import PROBLEMS
from kdui.core.answer_facts import WrittenText
from kdui.core.contracts import TaskFacts
from kdui.core.errors import UnknownName
from kdui.core.page_rows import Servable
from kdui.ui import compare_view, compare_writing
from kdui.ui.calls import whole
from kdui.ui.chart_frame import pin_button
from kdui.ui.compare_align import AlignCalls, align_markup
from kdui.ui.compare_explain import ExplainCalls, explain_markup
from kdui.ui.compare_graphs import GraphCalls, graphs_markup
from kdui.ui.compare_input import MOST_MODELS, Question, input_of, task_of
from kdui.ui.compare_vote import VoteCalls, vote_markup
from kdui.ui.input_widget import INPUTS, inputs_html, widget_of
from kdui.ui.panel import Call, create_panel, options, task_options
from kdui.ui.running_html import running_html
from kdui.ui.which_runs import of_both, which_bar
from kdui.workbench.generating import generates

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

CONFIDENCES = (("0", "any"), ("0.5", "at least 50 %"), ("0.8", "at least 80 %"), ("0.95", "at least 95 %"))
EMPTY = (
    '<b>No model of this task can be tried yet.</b><br>Queue a run in <a href="?tab=build">Build</a>: its teacher, student and '
    'compressed models can be compared here once they are exported. Or try <a href="./?tab=compare&amp;runs=recorded">those of '
    "recorded runs</a> ⟲."
)


def create_compare(workbench: "Workbench") -> None:
    """Pickers and input above, answers side by side, disagreements below."""
    create_panel("compare", which_bar("compare", workbench) + markup(workbench.tasks()), of_both(compare_calls, workbench))


def compare_calls(workbench: "Workbench") -> list[Call]:
    """All that the browser can ask of Compare."""
    calls = CompareCalls(workbench)
    offered: list[Call] = [calls.compare_start, calls.compare_ask, calls.compare_examples, calls.compare_parted]
    explained, votes = ExplainCalls(workbench), VoteCalls(workbench)
    offered += [call for widget in INPUTS.values() for call in widget.calls(workbench)]
    offered.append(AlignCalls(workbench).compare_align)
    offered += [votes.compare_ballot, votes.compare_vote, votes.compare_tally, votes.compare_votes_csv, votes.compare_votes_reset]
    return [*offered, GraphCalls(workbench).compare_graphs, explained.compare_explain, explained.compare_race]


class CompareCalls:
    """What the browser can ask about models that answer."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def compare_start(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Task, pickers and waiting cards; without a wish, the newest run that has models and its own choice of them."""
        facts = self._task(str(payload.get("task") or "") or self._newest_task())
        models, tasks = self.workbench.servable(facts.name), task_options(self.workbench.tasks())
        if not models:
            return {"task": facts.name, "tasks": tasks, "empty": running_html(self.workbench.running_now(facts.name), EMPTY)}
        wished = [digest for digest in str(payload.get("models") or "").split(",") if digest]
        known = {model.digest: model for model in models}
        chosen = [digest for digest in dict.fromkeys(wished) if digest in known][:MOST_MODELS] or default_models(models)
        pickers = [
            compare_view.model_options(models, chosen[slot] if slot < len(chosen) else "", slot > 0)
            for slot in range(MOST_MODELS)
        ]
        shown, ordered = [known[digest] for digest in chosen], reference_first(chosen, known)
        writes, widget = generates(facts), widget_of(facts)
        return {
            "task": facts.name,
            "tasks": tasks,
            "modality": facts.modality,
            "input": {"name": widget.name, "pictures": widget.pictures},
            "writes": writes,
            "aligns": isinstance(facts.answer, WrittenText),
            "labelled": "classes" in PROBLEMS[facts.problem].gives,
            "chats": all(model.chat for model in shown),
            "writing": compare_writing.words_of(facts) if writes else None,
            "pickers": pickers,
            "models": chosen,
            "reference": ordered[0] if known[ordered[0]].role == "teacher" else "",
            "cards": compare_writing.cards_html(shown, facts) if writes else compare_view.waiting_html(shown, facts.headline),
            "others": [{"digest": digest, "title": compare_view.title(known[digest])} for digest in ordered],
        }

    def compare_examples(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A dozen inputs to try; ``offset`` turns the page."""
        facts = self._task(str(payload["task"]))
        offset = max(0, whole(payload, "offset"))
        examples = self.workbench.examples(facts.name, n=widget_of(facts).examples, offset=offset)
        typed = facts.examples[:4] if offset == 0 else ()
        if generates(facts):
            shown = compare_writing.examples_html(examples, typed, facts)
        else:
            shown = compare_view.examples_html(examples, typed)
        return {"html": shown, "next": offset + len(examples)}

    def compare_ask(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Every chosen model's answer to the input, and whether they agree."""
        question = Question.model_validate(payload)
        facts = self._task(question.task)
        answers = self.workbench.ask(facts.name, list(question.models), input_of(question))
        known = {model.digest: model for model in self.workbench.servable(facts.name)}
        return {
            "cards": compare_view.cards_html(answers, known, question.then),
            "agreement": compare_view.agreement_html(answers, known, question.truth, question.then),
        }

    def compare_parted(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Test examples on which the first model is right and the other wrong."""
        facts = self._task(str(payload["task"]))
        known = {model.digest: model for model in self.workbench.servable(facts.name)}
        first, other = (self._known(str(payload[key]), known) for key in ("first", "other"))
        return {"html": compare_view.parted_html(self.workbench.disagreements(first.digest, other.digest), facts, first, other)}

    @staticmethod
    def _known(digest: str, known: Mapping[str, Servable]) -> Servable:
        if digest not in known:
            raise UnknownName("model", digest, known)
        return known[digest]

    def _task(self, name: str) -> TaskFacts:
        return task_of(self.workbench, name)

    def _newest_task(self) -> str:
        recent = self.workbench.runs(state="succeeded", size=1).rows
        return recent[0].task if recent else self.workbench.tasks()[0].name


def default_models(models: Sequence[Servable]) -> list[str]:
    """Teacher, student and smallest compressed model of the newest run (models come newest first)."""
    newest = models[0].run
    own = [model for model in models if model.run == newest] or list(models)
    picked = []
    for role in ("teacher", "student", "compressed"):
        candidates = [model for model in own if model.role == role] or [model for model in models if model.role == role]
        if candidates:
            picked.append(min(candidates, key=lambda model: model.file_bytes) if role == "compressed" else candidates[0])
    return list(dict.fromkeys(model.digest for model in picked)) or [models[0].digest]


def reference_first(chosen: Sequence[str], known: Mapping[str, Servable]) -> list[str]:
    """The teacher first if one is chosen: disagreements are counted where it is right."""
    return sorted(chosen, key=lambda digest: known[digest].role != "teacher")


def markup(tasks: list[TaskFacts]) -> str:
    """The frame that assets/modules/compare.js fills."""
    pickers = "".join(
        f'<label class="field grow"><span>Model {slot + 1}</span>'
        f'<select id="compare-model-{slot}" data-slot="{slot}"></select><span class="sub whole"></span></label>'
        for slot in range(MOST_MODELS)
    )
    return f"""
<section class="card" aria-label="Your input">
  <div class="filters long-names"><label class="field"><span>Task</span>
    <select id="compare-task">{task_options(tasks)}</select></label>{pickers}</div>
  <div id="compare-empty" class="empty" hidden></div>
  <div id="compare-input">
    {inputs_html()}
    <div id="compare-examples" class="examples"></div>
    <button type="button" class="act small" id="compare-more">More test examples</button>
  </div>
</section>
<div id="compare-agreement" role="status"></div>
<div id="compare-cards" class="answers"></div>
<div class="buttons under" id="compare-pin" hidden>{pin_button("answers", hidden=False)}{pin_button("written")}</div>
{align_markup()}
{vote_markup()}
{explain_markup()}
<section class="card" id="compare-parted" aria-label="Disagreements" hidden>
  <div class="buttons" id="compare-pairs" role="group" aria-label="Compared with"></div>
  <div class="under"><span></span>{pin_button("disagreements", hidden=False)}</div>
  <div class="filters" id="parted-filters"><label class="field"><span>Label</span>
    <input id="parted-label" type="search" placeholder="true or predicted" autocomplete="off"></label>
    <label class="field"><span>First model's confidence</span>
      <select id="parted-sure">{options(CONFIDENCES)}</select></label></div>
  <div id="compare-table"><p class="lead" role="status">Looking through the test data…</p></div>
</section>
{graphs_markup()}
"""

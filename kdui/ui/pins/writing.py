"""Pins of Compare for models that generate text: what each writes for one input, how, and how fast."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.core.answer_facts import WrittenText
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.numbers import number
from kdui.core.page_rows import Servable
from kdui.core.presentation import Content, Table
from kdui.core.sampling import Sampling
from kdui.ui.compare_input import Question, task_of
from kdui.ui.compare_view import title
from kdui.ui.pins.seen import Look, Seen, kept, known_models
from kdui.workbench.generating import Written, generates, write_whole

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_TOKENS = 300  # that are written again for a slide, while somebody waits
LONG = 600  # letters of a text that a slide shows


def _written(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    """The models write again: the same text by the same seed, and tokens per second measured now."""
    own = kept(view, "task", "models", "text", "truth")
    question, facts = Question.model_validate(own), task_of(workbench, str(own["task"]))
    sampling, chat = Sampling.model_validate(view.get("sampling") or {}), bool(view.get("chat"))
    if not generates(facts) or not question.text:
        raise KduiError("There is no generated text to pin here: let the models write first.")
    if sampling.limit > MOST_TOKENS:
        raise KduiError(f"For a slide the models write again, at most {MOST_TOKENS} tokens. Set Tokens to {MOST_TOKENS} or less.")
    known = known_models(workbench, question)
    texts = write_whole(workbench.serving, question.models, question.text, sampling, chat)
    content = Content(
        title=_finding(texts, facts),
        subtitle=f"{facts.name} · {_choice(sampling, chat)}",
        lines=(
            f"“{_short(question.text)}”",
            *((f"Reference: “{_short(question.truth)}”.",) if question.truth else ()),
            *(f"{title(known[digest])}: “{_short(each.text.strip())}”" for digest, each in texts.items()),
        ),
        tables=(_table(texts, known),),
    )
    seen = {**own, "sampling": sampling.model_dump(mode="json"), **({"chat": True} if chat else {})}
    return Seen(content, seen, tuple(dict.fromkeys(known[digest].run for digest in question.models)), question.models)


def _finding(texts: Mapping[str, Written], facts: TaskFacts) -> str:
    if len({each.text for each in texts.values()}) == 1 < len(texts):
        return f"{len(texts)} models write the same text"
    if isinstance(facts.answer, WrittenText):
        return f"What {len(texts)} models write for one input" if len(texts) > 1 else "What one model writes for one input"
    return f"How {len(texts)} models continue one text" if len(texts) > 1 else "How one model continues a text"


def _table(texts: Mapping[str, Written], known: Mapping[str, Servable]) -> Table:
    """A row a model; times are those that the serving process measured while all of them wrote."""
    rows = tuple(
        (
            title(known[digest]),
            str(each.tokens),
            f"{number(1000 * each.first, 'ms')} ●" if each.first is not None else "–",
            f"{number(each.rate, 'tokens/s')} ●" if each.rate is not None else "–",
            each.ended or "–",
            number(known[digest].download_bytes or known[digest].file_bytes, "bytes"),
        )
        for digest, each in texts.items()
    )
    return Table(
        heads=("Model", "Tokens", "First token", "Then", "Ended at", "Download"),
        rows=rows,
        caption=f"Measured with one thread a model, {len(texts)} at a time.",
    )


def _choice(sampling: Sampling, chat: bool) -> str:
    """How tokens were chosen, in words."""
    drawn = f"temperature {sampling.temperature:g}, top p {sampling.top_p:g}, seed {sampling.seed}"
    parts = [drawn if sampling.temperature else "always the most probable token", f"at most {sampling.limit} tokens"]
    parts += [f"stops at “{text}”" for text in sampling.stop]
    return " · ".join([*parts, *(["by its chat template"] if chat else [])])


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}…"


PLACES: dict[str, Look] = {"written": _written}

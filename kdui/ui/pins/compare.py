"""Pins of Compare: what models predict for one input, and the examples on which two of them disagree."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kdui.catalogue.tasks import TASKS
from kdui.core.answers import Items, Picture, Ranked, Span
from kdui.core.errors import KduiError
from kdui.core.numbers import number
from kdui.core.page_rows import Answer, Servable
from kdui.core.presentation import Content, Table
from kdui.modalities.audio import prepare as sound
from kdui.ui.compare import CompareCalls
from kdui.ui.compare_explain import ExplainCalls
from kdui.ui.compare_graphs import GraphCalls
from kdui.ui.compare_input import Question, input_of, task_of
from kdui.ui.compare_view import agreement, best_labels, compared, speed, title
from kdui.ui.compare_vote import MOST_PAIRS, finding, name_of
from kdui.ui.pins.seen import Look, Seen, kept, known_models
from kdui.ui.plain_blocks import plain_blocks

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_NODES = 40  # rows of a graph that a slide shows
LONG = 600  # letters of an input that a slide shows
SIDE = 256  # px of a picture, at the most


def _answers(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "models", "text", "passage", "picture", "pixels", "sound", "items", "then", "truth")
    question = Question.model_validate(own)
    known = known_models(workbench, question)
    raw = input_of(question)
    answers = workbench.ask(question.task, list(question.models), raw)
    said = compared(answers, question.then)
    if not said and not any(best_labels(answer) for answer in answers):
        raise KduiError("Only answers with labels can be pinned: masks and boxes cannot.")
    rows = tuple(_row(answer, known[answer.digest]) for answer in answers)
    heads = ("Model", "Predicts", "Next", "Speed as measured", "Download")
    content = Content(
        title=said or agreement(answers, known, question.truth),
        subtitle=f"{question.task} · one input, {len(answers)} models",
        lines=(f"“{words[:LONG]}”",) if (words := question.text or " · ".join(question.items or ())) else (),
        tables=(Table(heads=heads, rows=rows),),
        picture="" if words else _picture(raw, question.task),
    )
    return Seen(content, own, tuple(dict.fromkeys(known[answer.digest].run for answer in answers)), question.models)


def _row(answer: Answer, model: Servable) -> tuple[str, ...]:
    ranked = next((part for part in answer.parts if isinstance(part, Ranked)), None)
    guesses = [f"{row.label} {row.probability * 100:.1f} %" for row in ranked.rows[:2]] if ranked else []
    guesses += [f"{part.text} {part.probability * 100:.1f} %" for part in answer.parts if isinstance(part, Span)]
    guesses += [row.name for part in answer.parts if isinstance(part, Items) for row in part.rows[:2]]
    guesses += [part.text for part in answer.parts if isinstance(part, Picture)]
    first, second = (*guesses, "–", "–")[:2]
    measured = " ".join(plain_blocks(speed(model))[0])
    return title(model), first, second, measured, number(model.download_bytes or model.file_bytes, "bytes")


def _picture(raw: Any, task: str) -> str:
    """The input as a PNG inside of the text, written anew: of an uploaded file its pixels or its spectrogram are kept."""
    if isinstance(raw, bytes):
        raw = sound.shown(sound.parse(raw, TASKS[task]))["image"]
    picture = raw if isinstance(raw, Image.Image) else Image.fromarray(np.asarray(raw, dtype=np.uint8).squeeze())
    picture = picture.convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _disagreements(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "first", "other")
    told = CompareCalls(workbench).compare_parted(own)
    lines, _ = plain_blocks(told["html"])
    known = {model.digest: model for model in workbench.servable(str(own["task"]))}
    head, about, *rest = (*lines, "")
    rows = tuple((pair, count) for pair, _, count in (line.rpartition(" · ") for line in rest) if " predicted as " in pair)
    tables = (Table(heads=("Confusion", "Test examples"), rows=rows),) if rows else ()
    content = Content(title=head, subtitle=about.partition(" Click one to run")[0], tables=tables)
    digests = (str(own["first"]), str(own["other"]))
    return Seen(content, own, tuple(dict.fromkeys(known[digest].run for digest in digests)), digests)


def _graphs(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "first", "other")
    told = GraphCalls(workbench).compare_graphs(own)
    lines, tables = plain_blocks(told["html"])
    digests = (str(own["first"]), str(own["other"]))
    known = {model.digest: model for model in workbench.servable(str(own["task"]))}
    shown = tables[0].model_copy(update={"rows": tables[0].rows[:MOST_NODES]})
    content = Content(title=told["title"], subtitle=" ".join(lines), tables=(shown,))
    return Seen(content, own, tuple(dict.fromkeys(known[digest].run for digest in digests)), digests)


def _explain(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "models", "text", "picture", "pixels", "truth")
    question = Question.model_validate(own)
    told = ExplainCalls(workbench).compare_explain(own)
    lines, _ = plain_blocks(told["html"])
    known = {model.digest: model for model in workbench.servable(question.task)}
    runs = tuple(dict.fromkeys(known[digest].run for digest in question.models if digest in known))
    picture = _picture(input_of(question), question.task) if question.text is None else ""
    return Seen(Content(title=told["title"], subtitle=question.task, lines=lines, picture=picture), own, runs, question.models)


def _votes(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task")
    task = task_of(workbench, str(own["task"])).name
    tallies = workbench.voting.tallies(task)[:MOST_PAIRS]
    if not tallies:
        raise KduiError("Nobody has voted on models of this task yet, so there is nothing to pin.")
    known = {model.digest: model for model in workbench.servable(task)}
    rows = tuple(
        (
            name_of(tally.first, known),
            name_of(tally.other, known),
            *map(str, (tally.first_better, tally.other_better, tally.ties, tally.bad, tally.inputs, tally.voters)),
        )
        for tally in tallies
    )
    heads = ("First", "Second", "First better", "Second better", "Ties", "Both bad", "Inputs", "People")
    content = Content(
        title=finding(tallies[0], known),
        subtitle=f"{task} · blind votes: which model answered was hidden",
        lines=tuple(finding(tally, known) for tally in tallies[1:]),
        tables=(Table(heads=heads, rows=rows),),
    )
    digests = tuple(dict.fromkeys(digest for tally in tallies for digest in (tally.first, tally.other)))
    return Seen(content, own, tuple(dict.fromkeys(known[digest].run for digest in digests if digest in known)), digests)


PLACES: dict[str, Look] = {
    "answers": _answers,
    "disagreements": _disagreements,
    "graphs": _graphs,
    "explain": _explain,
    "votes": _votes,
}

"""Pins of Compare: what models predict for one input, and the examples on which two of them disagree."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kdui.core.answers import Ranked
from kdui.core.errors import KduiError
from kdui.core.numbers import number
from kdui.core.page_rows import Answer, Servable
from kdui.core.presentation import Content, Table
from kdui.ui.compare import CompareCalls, Question, input_of
from kdui.ui.compare_view import agreement, best_labels, speed, title
from kdui.ui.pins.seen import Look, Seen, kept
from kdui.ui.plain_blocks import plain_blocks

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

LONG = 600  # letters of an input that a slide shows
SIDE = 256  # px of a picture, at the most


def _answers(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "models", "text", "picture", "pixels", "truth")
    question = Question.model_validate(own)
    known = {model.digest: model for model in workbench.servable(question.task)}
    if gone := [digest[:12] for digest in question.models if digest not in known]:
        raise KduiError(f"The model {gone[0]} is no longer in the store, so it cannot predict again.")
    raw = input_of(question)
    answers = workbench.ask(question.task, list(question.models), raw)
    if not any(best_labels(answer) for answer in answers):
        raise KduiError("Generated text cannot be pinned: only answers with labels can.")
    rows = tuple(_row(answer, known[answer.digest]) for answer in answers)
    heads = ("Model", "Predicts", "Next", "Speed as measured", "Download")
    content = Content(
        title=agreement(answers, known, question.truth),
        subtitle=f"{question.task} · one input, {len(answers)} models",
        lines=(f"“{question.text[:LONG]}”",) if question.text else (),
        tables=(Table(heads=heads, rows=rows),),
        picture=_picture(raw) if question.text is None else "",
    )
    return Seen(content, own, tuple(dict.fromkeys(known[answer.digest].run for answer in answers)), question.models)


def _row(answer: Answer, model: Servable) -> tuple[str, ...]:
    ranked = next((part for part in answer.parts if isinstance(part, Ranked)), None)
    guesses = [f"{row.label} {row.probability * 100:.1f} %" for row in ranked.rows[:2]] if ranked else []
    first, second = (*guesses, "–", "–")[:2]
    measured = " ".join(plain_blocks(speed(model))[0])
    return title(model), first, second, measured, number(model.download_bytes or model.file_bytes, "bytes")


def _picture(raw: Any) -> str:
    """The input as a PNG inside of the text, written anew: nothing of an uploaded file is kept but its pixels."""
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
    content = Content(title=head, subtitle=about.removesuffix(" Click one to run all models on it."), tables=tables)
    digests = (str(own["first"]), str(own["other"]))
    return Seen(content, own, tuple(dict.fromkeys(known[digest].run for digest in digests)), digests)


PLACES: dict[str, Look] = {"answers": _answers, "disagreements": _disagreements}

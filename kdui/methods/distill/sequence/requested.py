"""Texts that a remote teacher writes: it gets the beginning of a training text and answers with what follows."""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from kdui.core.errors import StageFailed
from kdui.core.layout import REMOTE_FILE
from kdui.runtime.kept_answers import KeptAnswers
from kdui.runtime.remote_server import Question, RemoteServer
from kdui.training.asking import Asked, ask
from kdui.training.context import StepContext
from kdui.training.writing import seeded

SYSTEM = (
    "Continue the text that the user gives, in its own style. Write only what follows, without repeating the beginning and "
    "without comments of your own."
)
BYTES = 3  # of a text to a token at the least, so that a continuation may be as long as the text was
LEAST_WRITTEN = 0.5  # share of the answers that must hold text


def requested_texts(context: StepContext) -> tuple[list[tuple[int, str]], Asked]:
    """Training texts by their place, continued by the remote teacher after their beginning; those left empty are not there.

    Which texts are chosen depends on the seed as with a teacher that has weights. Raises StageFailed where the server fails, and
    where most answers are empty.
    """
    settings, teacher = context.settings, json.loads(context.inputs["teacher"].file(REMOTE_FILE).read_bytes())
    raw = list(context.data.splits["train"].inputs[: settings["train_examples"] or None])
    order = torch.randperm(len(raw), generator=seeded(settings["seed"]))[: max(1, round(settings["written"] * len(raw)))]
    places = sorted(order.tolist())
    drawing = {"temperature": settings["sampling_temperature"], "top_p": settings["top_p"], "seed": settings["seed"]}
    questions = {raw[place]: question(raw[place], settings, drawing) for place in places}
    server = RemoteServer(teacher["server"], teacher["model"], context.app_settings)
    title = server.title
    asked = {**teacher, "system": SYSTEM, "share": settings["prompt"], "tokens": settings["new_tokens"], **drawing}
    with KeptAnswers(context.app_settings.home, asked) as kept:
        spent = ask(context, server, questions, kept, lambda reply: reply.text, lambda count, reply: None)
        most = max(len(text.encode()) for text in raw)
        written = {place: joined(questions[raw[place]].text, kept[raw[place]], most) for place in places}
    texts = [(place, text) for place, text in written.items() if text]
    if len(texts) < LEAST_WRITTEN * len(places):
        raise StageFailed(f"{title} left {len(places) - len(texts):,} of {len(places):,} texts empty. Choose another model.")
    context.report.log(f"{title} wrote {len(texts):,} of {len(places):,} texts; those that it left empty stay as they are.")
    return texts, spent


def question(text: str, settings: Mapping[str, Any], drawing: Mapping[str, Any]) -> Question:
    """The beginning of a text up to a whole word, and as many tokens as the text had, ``new_tokens`` at the most."""
    ends = [match.end() for match in re.finditer(r"\S+", text)] or [len(text)]
    end = ends[int(np.searchsorted(ends, settings["prompt"] * len(text)).clip(0, len(ends) - 1))]
    rest = len(text[end:].encode())
    return Question(SYSTEM, text[:end], max(1, min(settings["new_tokens"], -(-rest // BYTES))), **drawing)


def joined(beginning: str, written: str, most: int) -> str:
    """The whole text in at most so many bytes; a beginning that was repeated stands once. Empty where nothing was written."""
    follows = written.strip()
    if follows.startswith(beginning.strip()):
        follows = follows[len(beginning.strip()) :].strip()
    if not follows:
        return ""
    space = "" if re.match(r"[,.;:!?)\]’”]", follows) else " "
    return f"{beginning}{space}{follows}".encode()[:most].decode(errors="ignore").strip()

"""A teacher behind a server: its labels of the training texts, asked once and kept."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kdui.catalogue.remote import MOST_PROBABLE
from kdui.core.errors import StageFailed
from kdui.methods.teach.teach.black_box import unchanged
from kdui.methods.teach.teach.labelling import LONGEST, TOKENS, Labelling, labelling, parsed, shares
from kdui.methods.teach.teach.spec import PROMPT
from kdui.problems import problem_of
from kdui.runtime.kept_answers import KeptAnswers
from kdui.runtime.remote_server import Question, RemoteServer, Reply
from kdui.training.asking import Asked, ask
from kdui.training.context import StepContext
from kdui.training.plausibility import above_chance
from kdui.training.teacher_outputs import ANSWERED, write_outputs

LEAST = 1e-7  # a probability of zero has no logarithm
TRIAL = 32  # answers after which a model that does not follow the instruction is given up
LEAST_USABLE = 0.5  # share of the answers that must name a label
SHOWN = 60  # characters of an answer in a message
LONGEST_ANSWER = 200  # characters that are kept of an answer


def take_labels(context: StepContext) -> dict[str, Any]:
    """The remote model's labels as cached outputs: logarithms of its probabilities, or of one for the label that it named.

    Texts whose answer names no label get equal probabilities, and the students' trainings leave them out. Raises StageFailed
    where there are too many of them, where the server fails, and where the labels are no better than the most frequent one.
    """
    facts = unchanged(context)
    options, targets = facts.options, context.data.targets("train")
    most = options["examples"] or len(targets)
    texts, targets = list(context.data.splits["train"].inputs[:most]), targets[:most]
    how = labelling(context.facts, options["instruction"])
    asked = {"server": facts.ref.name, "model": options["model"], "system": how.system, "prompt": PROMPT}
    with KeptAnswers(context.app_settings.home, {**asked, "probabilities": options["probabilities"]}) as kept:
        spent = _ask(context, RemoteServer(facts.ref.name, options["model"], context.app_settings), texts, how, kept)
        rows = [_row(kept[text], how) for text in texts]
    usable = np.array([row is not None for row in rows])
    _require_usable(facts.title, [kept[text]["text"] for text, row in zip(texts, rows, strict=True) if row is None], len(texts))
    uniform = [1 / len(how.names)] * len(how.names)
    logits = np.log(np.maximum(np.array([row or uniform for row in rows]), LEAST)).astype(np.float32)
    right = float((logits.argmax(-1) == targets)[usable].mean())
    if not above_chance(right, targets[usable], problem_of(context.facts)):
        raise StageFailed(
            f"{facts.title} gets {100 * right:.1f} % of {int(usable.sum()):,} labelled training texts right, no better than "
            "always giving the most frequent label. Choose a larger model, or say in 'instruction' what to decide."
        )
    write_outputs(context.out, logits[None])
    if not usable.all():
        np.save(context.out / ANSWERED, usable)
    context.report.log(
        f"{facts.title} labelled {int(usable.sum()):,} of {len(texts):,} training texts; {int((~usable).sum()):,} answers "
        f"named no label of the task, and students leave those texts out. {100 * right:.1f} % of the labels are the true ones."
    )
    return {
        "shape": [1, *logits.shape],
        "dtype": "float16",
        "train_accuracy": right,
        "unanswered": int((~usable).sum()),
        **spent._asdict(),
    }


def _ask(context: StepContext, server: RemoteServer, texts: Sequence[str], how: Labelling, kept: KeptAnswers) -> Asked:
    """Ask for every text that has no kept answer, each once; a model that does not follow the instruction is given up early."""
    top = MOST_PROBABLE if context.settings["model"]["options"].get("probabilities") else 0
    useless: list[str] = []

    def keep(reply: Reply) -> dict[str, Any]:
        return {"text": reply.text[:LONGEST_ANSWER], **({"first": reply.first} if top else {})}

    def judge(count: int, reply: Reply) -> None:
        if top and not reply.first:
            raise StageFailed(f"{server.title} gives no log-probabilities. Leave 'probabilities=true' out of the teacher.")
        if _row(keep(reply), how) is None:
            useless.append(reply.text)
        if count == TRIAL:
            _require_usable(server.title, useless, count)

    questions = {text: Question(how.system, text[:LONGEST], TOKENS, top) for text in dict.fromkeys(texts)}
    return ask(context, server, questions, kept, keep, judge)


def _row(answer: dict[str, Any], how: Labelling) -> list[float] | None:
    """Probabilities of the task's labels in an answer; None where it names none."""
    if "first" in answer:
        return shares(answer["first"], how)
    place = parsed(answer["text"], how)
    return None if place is None else [float(number == place) for number in range(len(how.names))]


def _require_usable(title: str, useless: Sequence[str], count: int) -> None:
    if len(useless) > (1 - LEAST_USABLE) * count:
        said = "".join(letter if letter.isprintable() else " " for letter in useless[0][:SHOWN])
        raise StageFailed(
            f"{len(useless):,} of {count:,} answers of {title} name no label of the task, e.g. “{said}”. Choose a model that "
            "follows instructions, or say in 'instruction' what to decide."
        )

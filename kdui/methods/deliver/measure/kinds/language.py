"""What a language model is judged by beside bits per byte: how near the teacher it predicts, which continuation it finds likely,
and how much its own text repeats itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from kdui.catalogue.problems import PROBLEMS
from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE, TOKENIZER, read_inputs
from kdui.core.measurement import Measurement
from kdui.core.sampling import Sampling
from kdui.methods.deliver.measure.headline import spread_out
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import accuracy_provenance, noted, row
from kdui.methods.deliver.measure.spec import DEFERRED
from kdui.problems import problem_of
from kdui.problems.language_model import agreement, choices, repetition
from kdui.problems.language_model.measures import Figure
from kdui.runtime.generation import Decoder, generate
from kdui.runtime.sessions import GraphBatch, graph_batches, open_session
from kdui.training.context import StepContext
from kdui.training.teachers import graph_session

OF_LANGUAGE = ("agreement", "choices", "generated")  # knobs: of how many test texts each quantity is taken


def language(context: StepContext, model: Artifact) -> list[Measurement]:
    """Each quantity over as many texts as its knob says; 0 leaves it out."""
    wanted = {name: context.settings.get(name, DEFERRED[name]) for name in OF_LANGUAGE}
    rows = []
    if wanted["agreement"]:
        rows += beside_teacher(context, model, wanted["agreement"])
    if wanted["choices"]:
        rows += continuations(context, model, wanted["choices"])
    if wanted["generated"]:
        rows += generated(context, model, wanted["generated"])
    return rows


def beside_teacher(context: StepContext, model: Artifact, count: int) -> list[Measurement]:
    """Divergence and agreement with the baseline, which is the teacher in fp32, a batch of both graphs at a time."""
    baseline = context.inputs["baseline"]
    if model.digest == baseline.digest:
        return []
    if not same_tokens(model, baseline):
        context.report.log("Its tokens are not its teacher's, so their predictions of a token cannot be compared.")
        return []
    texts = [context.data.splits["test"].inputs[place] for place in spread_out(len(context.data.targets("test")), count)]
    arrays = context.data.arrays(texts, read_inputs(model.path), model.path)
    ours, theirs = (_batches(context, each, arrays) for each in (model, baseline))
    sums = [agreement.agreement_sums(mine, other, batch) for (_, mine, batch), (_, other, _) in zip(ours, theirs, strict=True)]
    against = context.settings.get("baseline") or "the teacher in fp32"
    return [_row(context, model, each._replace(note=f"against {against}")) for each in agreement.figures(np.concatenate(sums))]


def _batches(context: StepContext, model: Artifact, arrays: dict[str, np.ndarray]) -> Iterator[GraphBatch]:
    """Places, logits and inputs of each batch of the model's graph; a cancelled run ends between two."""
    return graph_batches(
        model.file(MODEL_FILE),
        arrays,
        problem_of(context.facts).graph_batch,
        check=lambda done: context.report.check(),
        session=graph_session(context, model),
    )


def same_tokens(model: Artifact, other: Artifact) -> bool:
    """Whether both read a text as the same tokens."""
    return model.file(TOKENIZER).read_bytes() == other.file(TOKENIZER).read_bytes()


def continuations(context: StepContext, model: Artifact, count: int) -> list[Measurement]:
    """The share of questions out of the test data whose true answer the model finds the likeliest."""
    questions = choices.questions(context.data.splits["test"].inputs, count)
    if not questions:
        context.report.log("The test data hold too few passages that are long enough to be continued in one of four ways.")
        return []
    inputs = read_inputs(model.path)
    begins = context.data.arrays([each.beginning for each in questions], inputs, model.path)["attention_mask"].sum(1)
    arrays = context.data.arrays([each.beginning + answer for each in questions for answer in each.answers], inputs, model.path)
    nats = np.zeros(len(arrays["input_ids"]))
    for index, logits, batch in _batches(context, model, arrays):
        for place, rows, ids, mask in zip(index, logits, batch["input_ids"], batch["attention_mask"], strict=True):
            nats[place] = choices.continuation_nats(rows, ids, mask, int(begins[place // choices.ANSWERS]))
    right = [
        choices.chosen(each, question.answers) == question.right
        for question, each in zip(questions, nats.reshape(-1, choices.ANSWERS).tolist(), strict=True)
    ]
    return [_row(context, model, choices.figure(right))]


def generated(context: StepContext, model: Artifact, count: int) -> list[Measurement]:
    """How much of what the model writes after beginnings of test passages repeats itself."""
    pairs = repetition.prompts(context.data.splits["test"].inputs, count)
    texts = list(_written(context, model, [prompt for prompt, _ in pairs]))
    figure = repetition.figure(texts, [real for _, real in pairs])
    return [_row(context, model, figure)] if figure else []


def _written(context: StepContext, model: Artifact, prompts: list[str]) -> Iterator[str]:
    """What the model writes after each prompt, without sampling."""
    inputs, session = read_inputs(model.path), open_session(model.file(MODEL_FILE))
    tokenizer = _tokenizer(model.file(TOKENIZER))
    ends = frozenset(inputs.settings.get("end_tokens", ()))
    for prompt in prompts:
        context.report.check()
        ids = tokenizer.encode(prompt).ids
        room = min(repetition.GENERATED, int(inputs.settings["max_length"]) - len(ids))
        tokens = generate(Decoder(session), ids, Sampling(temperature=0, limit=max(1, room)), ends)
        yield tokenizer.decode([each.token for each in tokens])


def _tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _row(context: StepContext, model: Artifact, figure: Figure) -> Measurement:
    metric, source = figure.metric, accuracy_provenance(model, figure.n)
    return row(
        metric.name,
        figure.value,
        metric.unit,
        noted(source, figure.note),
        metric.higher_is_better,
        title=metric.title,
        low=figure.low,
        high=figure.high,
    )


KIND = Measuring("language", 60, language, wanted=lambda context: "continuations" in PROBLEMS[context.facts.problem].gives)

"""Sequence-level distillation: the teacher writes, the student learns what was written."""

import json
import time
from dataclasses import replace
from typing import Any

import torch
from tokenizers import Tokenizer

from kdui.core.layout import TOKENIZER
from kdui.methods.distill.distill.apply import hard_losses
from kdui.methods.distill.sequence.requested import requested_texts
from kdui.problems import problem_of
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext, TaskData
from kdui.training.fit import fit, keep, resident
from kdui.training.initial_weights import load_input, start_model
from kdui.training.writing import end_tokens, seeded, write

TEXTS = "written.json"  # [[which training text, what stands in its place], …]
BATCH = 32
SHOWN = 160  # characters of a text in the log


def write_texts(context: StepContext) -> dict[str, Any]:
    """Let the teacher write a share of the training texts, drawn by the seed; keep the texts as text."""
    problem = problem_of(context.facts)
    settings, teacher = context.settings, load_input(context, "teacher")
    module = teacher.module.to(context.device)
    data = resident(context, "train", teacher.inputs, teacher.folder, settings["train_examples"])
    tokenizer = Tokenizer.from_file(str(teacher.folder / TOKENIZER))
    ends, raw = end_tokens(tokenizer), problem.written_texts(context.data.splits["train"])
    order = torch.randperm(len(data), generator=seeded(settings["seed"]))[: max(1, round(settings["written"] * len(data)))]
    if data.lengths is not None:
        order = order[torch.argsort(data.lengths[order], stable=True)]
    most = max(len(text.encode()) for text in raw)
    texts: list[tuple[int, str]] = []
    tokens, started = 0, time.monotonic()
    for number, index in enumerate(torch.split(order, BATCH)):
        new = write(module, data.inputs(index), settings, ends, seeded(settings["seed"], number))
        tokens += int(new.attention_mask[:, new.prompt :].sum())
        rows = zip(index.tolist(), new.input_ids.cpu(), new.attention_mask.sum(1).tolist(), strict=True)
        texts += [(place, _text(tokenizer, ids[:length].tolist(), most) or raw[place]) for place, ids, length in rows]
        context.report.progress(len(texts) / len(order))
    seconds = time.monotonic() - started
    texts.sort()
    write_json(context.out / TEXTS, texts)
    context.report.log(
        f"The teacher wrote {tokens:,} tokens in {len(texts):,} of {len(data):,} training texts, {tokens / seconds:,.0f} a "
        f"second. One of them: “{texts[0][1][:SHOWN]}”"
    )
    return {"texts": len(texts), "tokens": tokens, "tokens_a_second": round(tokens / seconds, 1)}


def request_texts(context: StepContext) -> dict[str, Any]:
    """The same by a remote teacher (see ``requested``)."""
    texts, spent = requested_texts(context)
    write_json(context.out / TEXTS, texts)
    context.report.log(f"One of the texts: “{texts[0][1][:SHOWN]}”")
    return {"texts": len(texts), "tokens": spent.written, "requests": spent.requests}


def _text(tokenizer: Tokenizer, ids: list[int], most: int) -> str:
    """The text of tokens in at most so many bytes; bytes that make no letter are left out."""
    text = tokenizer.decode(ids, skip_special_tokens=True).encode()[:most].decode(errors="ignore")
    return text.replace("�", "").strip()


def learn_texts(context: StepContext) -> dict[str, Any]:
    """Train the student on the cross-entropy of the texts, those of its teacher and those left as they are, alike."""
    student = start_model(context, seed=context.settings["seed"])
    texts = dict(json.loads(context.inputs["texts"].file(TEXTS).read_bytes()))
    written = problem_of(context.facts).with_written(context.data.splits["train"], texts)
    own = replace(context, data=TaskData(context.facts, {**context.data.splits, "train": written}))
    return keep(context, student, fit(own, student, hard_losses(own), seed=context.settings["seed"]))

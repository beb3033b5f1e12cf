"""Our training loop against the transformers ``Trainer``: the same model, examples, batch size, optimizer and precision.

The precision of both sides is read off the logits that their models give in training, not taken from their settings.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.bench.distillation import in_turn, taught_by
from kdui.bench.findings import Finding, Spread, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.catalogue.recipe_files import read_recipe
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.settings import Settings
from kdui.training.device import multiplies_bf16
from kdui.training.initial_weights import start_model
from kdui.training.saved import SavedModel


class _WithLoss(nn.Module):
    """What the Trainer requires of a model: the loss among its outputs."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module
        self.precision = ""

    def forward(
        self, labels: torch.Tensor, num_items_in_batch: torch.Tensor | None = None, **inputs: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        logits = self.module(**inputs)
        self.precision = str(logits.dtype).removeprefix("torch.")
        return {"loss": functional.cross_entropy(logits.float(), labels), "logits": logits}


def _padded(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """A batch as the library's own collator makes it: texts are padded to the longest of the batch, images are stacked."""
    batch = {"labels": torch.tensor([row["labels"] for row in rows])}
    for name in rows[0].keys() - {"labels"}:
        tensors = [torch.as_tensor(row[name]) for row in rows]
        text = name in ("input_ids", "attention_mask")
        batch[name] = nn.utils.rnn.pad_sequence(tensors, batch_first=True) if text else torch.stack(tensors)
    return batch


def _rows(laboratory: Laboratory, model: SavedModel, count: int) -> list[dict[str, Any]]:
    arrays = laboratory.data.prepared("train", model.inputs, model.folder, count)
    targets = laboratory.data.targets("train")
    rows: list[dict[str, Any]] = []
    for index in range(count):
        row: dict[str, Any] = {name: array[index] for name, array in arrays.items()}
        if "attention_mask" in row:
            length = int(row["attention_mask"].sum())
            row = {name: value[:length] for name, value in row.items()}
        rows.append({**row, "labels": int(targets[index])})
    return rows


def _train_with_the_library(
    laboratory: Laboratory, model: SavedModel, rows: list[dict[str, Any]], batch: int
) -> tuple[float, str]:
    """Seconds of one epoch by the Trainer's own clock, without evaluation, checkpoints or reports; and the logits' type."""
    # Here, because the library takes seconds to import its Trainer and only this bench has one.
    from transformers import PrinterCallback, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=batch,
            learning_rate=1e-4,
            lr_scheduler_type="linear",
            weight_decay=0.01,
            max_grad_norm=5.0,
            bf16=multiplies_bf16(laboratory.device),
            use_cpu=laboratory.device.type == "cpu",
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            remove_unused_columns=False,
            disable_tqdm=True,
        )
        wrapped = _WithLoss(model.module)
        trainer = Trainer(model=wrapped, args=arguments, train_dataset=rows, data_collator=_padded)
        trainer.remove_callback(PrinterCallback)
        return float(trainer.train().metrics["train_runtime"]), wrapped.precision


def against_trainer(settings: Settings, recipe: str, examples: int, repeats: int, aim: float, teacher: str = "") -> list[Finding]:
    """Examples a second of our loop ÷ those of the Trainer, on the teacher of a built-in recipe, in turn."""
    base = taught_by(teacher, read_recipe(recipe, settings))
    batch = int(base.stage("teach").settings["batch_size"])
    knobs = {"epochs": 1, "batch_size": batch, "learning_rate": 1e-4, "schedule": "linear", "train_examples": examples}
    lone = Recipe.model_validate({"task": base.task, "teacher": base.teacher, "stages": [{"teach": knobs}]})
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, base.task)
        steps = laboratory.plan(lone)

        seen: dict[str, set[str]] = {"ours": set(), "Trainer": set()}

        def ours() -> float:
            training = laboratory.training(steps, "teach")
            seen["ours"].add(training["precision"])
            return float(training["step_seconds"])

        def theirs() -> float:
            with tempfile.TemporaryDirectory() as folder:
                model = start_model(laboratory.context(steps, "teach", Path(folder)), seed=0)
                seconds, precision = _train_with_the_library(laboratory, model, _rows(laboratory, model, examples), batch)
            seen["Trainer"].add(precision)
            return seconds

        for warm_up in (ours, theirs):  # fetches the weights; the first epoch of a process compiles kernels on either side
            warm_up()
        ours_seconds, their_seconds = in_turn(repeats, ours, theirs)
        where = f"{laboratory.data.facts.title}, {base.teacher}"
    if seen["ours"] != seen["Trainer"]:
        raise KduiError(f"The two sides did not compute in one precision, so their speeds say nothing: {seen}.")
    ours_speed, their_speed = (
        Spread(tuple(examples / seconds for seconds in spread.samples), "examples/s") for spread in (ours_seconds, their_seconds)
    )
    (precision,) = seen["ours"]
    note = f"{examples:,} examples, batch {batch}; neither time holds validation or checkpoints"
    lines = [f"ours {ours_speed}, {precision}", f"Trainer {their_speed}, {precision}", note]
    return [
        ratio(
            f"Examples a second of our loop ÷ those of the transformers Trainer, {where}",
            ours_speed,
            their_speed,
            "≥",
            aim,
            lines,
        )
    ]


def texts(settings: Settings, examples: int = 512, repeats: int = 3, teacher: str = "") -> list[Finding]:
    """The MiniLM teacher on newswire."""
    return against_trainer(settings, "reuters-bilstm", examples, repeats, 1.3, teacher)


def pictures(settings: Settings, examples: int = 2_560, repeats: int = 3) -> list[Finding]:
    """The convolutional teacher on clothing."""
    return against_trainer(settings, "fashion-cnn", examples, repeats, 1.0)

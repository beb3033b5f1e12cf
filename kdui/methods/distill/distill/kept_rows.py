"""A language model's distributions over the training texts, kept for every temperature and soft weight that will be tried."""

from typing import Any

import torch
from tokenizers import Tokenizer

from kdui.core.knobs.training import KEPT_LOGITS
from kdui.core.layout import TOKENIZER
from kdui.methods.distill.distill.token_lens import token_lens
from kdui.problems import problem_of
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.device_dataset import ResidentData
from kdui.training.fit import LENS_FILE, resident
from kdui.training.initial_weights import load_input
from kdui.training.saved import SavedModel
from kdui.training.teacher_rows import RowsWriter
from kdui.training.teachers import FrozenRows

BATCH = 32
LENS_TEXTS = 48


def keep_teacher_rows(context: StepContext) -> dict[str, Any]:
    """Run the teacher on every training text; keep the largest logits of each token, and some distributions for the lens."""
    teacher, problem = load_input(context, "teacher"), problem_of(context.facts)
    module = teacher.module.to(context.device).eval()
    data = resident(context, "train", teacher.inputs, teacher.folder, context.settings["train_examples"])
    writer, done = RowsWriter(context.out, len(data), context.settings.get("kept_logits", KEPT_LOGITS)), 0
    for index in data.in_order(BATCH):
        with torch.no_grad(), autocast(context.device):
            rows = problem.rows(problem.compute(module, data.inputs(index)), data.targets[index.to(data.device)])
        writer.write(index.numpy(), FrozenRows(rows, context.device), rows.examples)
        done += len(index)
        context.report.progress(done / len(data))
    facts = writer.close()
    context.report.log(
        f"The {facts['top']} largest of {facts['choices']:,} logits a token are kept, {facts['bits_a_row']:,} bits a token. The "
        f"others have {100 * facts['left_out']:.1f} % of the probability; taking it as even costs {facts['divergence']:.3g} nats."
    )
    write_json(context.out / LENS_FILE, _lens(context, teacher))
    return facts


def _lens(context: StepContext, teacher: SavedModel) -> dict[str, Any]:
    if TOKENIZER not in teacher.inputs.files:  # nothing names the choices
        return {"labels": [], "examples": []}
    problem = problem_of(context.facts)
    arrays = context.data.prepared("validation", teacher.inputs, teacher.folder)
    few = {name: array[:LENS_TEXTS] for name, array in arrays.items()}
    data = ResidentData(few, context.data.targets("validation")[:LENS_TEXTS], context.device)
    rows, ids = [], []
    for number in range(len(data)):
        index = torch.tensor([number])
        inputs = data.inputs(index)
        with torch.no_grad():
            rows.append(problem.rows(problem.compute(teacher.module, inputs), data.targets[index]))
        ids.append(inputs[problem.row_tokens][0].tolist())
    with torch.no_grad():
        return token_lens(ids, rows, Tokenizer.from_file(str(teacher.folder / TOKENIZER)))

"""The teacher's predictions for each training example, for the methods that turn its predictions into labels."""

import torch

from kdui.training.context import StepContext
from kdui.training.fit import knobs_of, resident
from kdui.training.initial_weights import load_input
from kdui.training.predicting import predict
from kdui.training.teacher_outputs import cached_outputs


def teacher_answers(context: StepContext) -> torch.Tensor:
    """Probabilities [n, classes] in fp32 on the CPU: the mean over the kept views, or of a teacher that is run now."""
    if "outputs" in context.inputs:
        cached = cached_outputs(context)
        limit = knobs_of(context).train_examples
        index = torch.arange(min(limit, cached.count) if limit else cached.count)
        views = [torch.softmax(cached(index, view), dim=-1) for view in range(cached.views)]
        return torch.stack(views).mean(dim=0).cpu()
    teacher = load_input(context, "teacher")
    data = resident(context, "train", teacher.inputs, teacher.folder, knobs_of(context).train_examples)
    outputs = predict(teacher.module.to(context.device), data, check=lambda _: context.report.check())
    return torch.softmax(torch.from_numpy(outputs), dim=-1)

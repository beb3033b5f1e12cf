"""Generator distillation: trains the student.

TinyGAN matches features of its discriminator; here the maps of teacher and student themselves meet, as in GAN Compression.
"""

from contextlib import ExitStack
from typing import Any, cast

import torch
from torch import nn

from kdui.core.problem import Adversary
from kdui.methods.distill.hints.losses import Projector, hint_loss
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.data_losses import ADVERSARY_RATE
from kdui.training.fit import fit, keep
from kdui.training.initial_weights import start_model
from kdui.training.loop import Batch, Losses
from kdui.training.matching import MatchedFeatures
from kdui.training.teachers import teacher_of


def distill_generator(context: StepContext) -> dict[str, Any]:
    """Train on the weighted sum of the differences from the teacher's pictures and maps and of the adversaries' losses."""
    student = start_model(context, seed=context.settings["seed"])
    with ExitStack() as used:
        matched = used.enter_context(MatchedFeatures(context, student)) if context.settings["feature_weight"] else None
        losses = GeneratorLosses(context, matched)
        training = fit(
            context,
            student,
            losses,
            seed=context.settings["seed"],
            companion=losses.companion,
            companion_rate=ADVERSARY_RATE,
        )
    return keep(context, student, training)


class GeneratorLosses:
    """The losses of a batch; ``companion`` holds the adversaries and projectors that are trained beside the student."""

    def __init__(self, context: StepContext, matched: MatchedFeatures | None):
        settings, self._problem = context.settings, problem_of(context.facts)
        self._outputs, self._features = float(settings["output_weight"]), float(settings["feature_weight"])
        self._adversarial, self._data = float(settings["adversarial_weight"]), float(settings["data_weight"])
        self._teacher = teacher_of(context) if self._outputs or self._adversarial else None
        self._matched = matched
        self.companion = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"])
            if matched is not None:
                self.companion["projectors"] = nn.ModuleList(Projector(ours, theirs) for ours, theirs in matched.shapes())
        for name, weight in (("teacher", self._adversarial), ("data", self._data)):
            if weight:
                adversary = cast(Any, self._problem.adversary(context.facts, settings["seed"]))
                self.companion[name] = adversary
                self.companion.betas = adversary.betas

    def __call__(self, outputs: torch.Tensor, batch: Batch) -> Losses:
        terms: Losses = {}
        total: list[torch.Tensor] = []
        if self._teacher is not None:
            theirs = self._teacher(batch)
            if self._outputs:
                terms |= self._problem.matched(outputs, theirs)
                total += [self._outputs * term for term in terms.values()]
            if self._adversarial:
                pictures = theirs.part(0, theirs.count).reshape(outputs.shape)
                total.append(self._adversarial * self._against("teacher", outputs, pictures, terms))
        if self._data:
            total.append(self._data * self._against("data", outputs, batch.targets, terms))
        if self._matched is not None:
            terms["maps"] = self._of_maps(batch)
            total.append(self._features * terms["maps"])
        return {"total": torch.stack(total).sum(), **terms}

    def _against(self, name: str, outputs: torch.Tensor, others: torch.Tensor, terms: Losses) -> torch.Tensor:
        losses = cast(Adversary, self.companion[name]).losses(outputs, others)
        terms |= {f"{each} {name}": loss for each, loss in losses.items() if each != "total"}
        return losses["total"]

    def _of_maps(self, batch: Batch) -> torch.Tensor:
        assert self._matched is not None
        projectors = cast(nn.ModuleList, self.companion["projectors"])
        pairs = zip(projectors, self._matched(batch), strict=True)
        return torch.stack([hint_loss(project(pair.student), pair.teacher) for project, pair in pairs]).mean()

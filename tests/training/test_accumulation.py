"""A batch that is computed in parts takes the step of the whole batch, whatever its loss is the mean of."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from kdui.core.knobs.training import TrainingKnobs
from kdui.core.metric import BITS_PER_BYTE
from kdui.models.causal import CausalLM
from kdui.problems.language_model.problem import LanguageModelling
from kdui.training import device
from kdui.training.context import QuietReporter
from kdui.training.device_dataset import ResidentData
from kdui.training.loop import Trainer
from tests.training.digits import CPU, trainer


@pytest.fixture(autouse=True)
def fp32(monkeypatch):
    """Parts equal the whole as far as fp32 goes; where the processor multiplies bf16, they equal it as far as that does."""
    monkeypatch.setattr(device, "BF16_FLAGS", set())


def test_a_batch_in_parts_takes_the_step_of_the_whole_batch():
    """Also where its parts are of unequal size, and with a penalty on the weights."""
    steps = {"epochs": 1, "batch_size": 50, "optimizer": "sgd", "l1": 1e-3, "dropout": 0.0, "learning_rate": 0.3}

    def trained(parts: int) -> tuple[torch.nn.Sequential, float]:
        flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        torch.nn.init.zeros_(flat[1].weight)
        torch.nn.init.zeros_(flat[1].bias)
        fit = trainer(limit=120, model=Pixels(flat), accumulate=parts, **steps)
        summary = fit.run()
        assert summary["steps"] == 3
        return flat, summary["history"][-1]["train_total"]

    (whole, loss), (parts, loss_of_parts) = trained(1), trained(7)
    assert torch.allclose(whole[1].weight, parts[1].weight, atol=1e-6) and whole[1].weight.abs().max() > 1e-2
    assert loss_of_parts == pytest.approx(loss, rel=1e-5)
    assert "accumulate" not in TrainingKnobs().training() and TrainingKnobs(accumulate=7).training()["accumulate"] == 7


class Pixels(torch.nn.Module):
    """Names the input of another module."""

    def __init__(self, body: torch.nn.Module):
        super().__init__()
        self.body = body

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.body(pixels)


def test_parts_of_texts_count_by_their_tokens():
    lengths = [9, 2, 5, 3, 8, 2, 4, 6]
    mask = np.array([[1] * length + [0] * (9 - length) for length in lengths])
    ids = np.random.default_rng(0).integers(0, 30, mask.shape) * mask

    def trained(parts: int) -> CausalLM:
        torch.manual_seed(0)
        size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 30}
        model, problem = CausalLM(LlamaForCausalLM(LlamaConfig(**size, initializer_range=0.5))), LanguageModelling()
        data = ResidentData({"input_ids": ids, "attention_mask": mask}, np.array(lengths), CPU)
        knobs = TrainingKnobs(epochs=1, batch_size=8, optimizer="sgd", learning_rate=1.0, accumulate=parts)
        Trainer(
            model=model,
            data=data,
            validation=data,
            problem=problem,
            metric=BITS_PER_BYTE,
            losses=lambda outputs, batch: {"total": problem.loss(outputs, batch.targets)},
            knobs=knobs,
            seed=0,
            report=QuietReporter(),
            settled_at=1.0,  # the weights at the end are kept, whether they are better or not
        ).run()
        return model

    torch.manual_seed(0)
    whole, parts = trained(1).state_dict(), trained(3).state_dict()
    assert all(torch.allclose(tensor, parts[name], atol=1e-5) for name, tensor in whole.items())

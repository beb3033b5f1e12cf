"""Low-rank adapters: only small matrices beside the attention and the head train, and are merged when the model is kept.

W becomes W + (α / r) · B · A with A [r, in] and B [out, r] (Hu et al. 2022, LoRA, arXiv:2106.09685, section 4.1), here on the
query and value projections (section 4.2) with α = 2 r. B starts at zero, so the model starts as it was.
"""

from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.layers import output_layer

# How the transformers of the Hub call the projections that are adapted.
PROJECTIONS = (("query", "value"), ("q_proj", "v_proj"), ("q_lin", "v_lin"))
SCALE = 2  # α / r


def add_adapters(module: nn.Module, rank: int, outputs: int, seed: int) -> None:
    """Put adapters of this rank beside the model's attention, in place; everything but them and the head is frozen.

    Raises StageFailed for a model without linear layers of attention.
    """
    from peft import LoraConfig, inject_adapter_in_model

    targets = attention_projections(module)
    if not targets:
        raise StageFailed(
            f"{type(module).__name__} has no linear layers of attention, so there is nothing to adapt. "
            "Set adapter_rank to 0, or choose a transformer."
        )
    head = output_layer(module, outputs)
    config: Any = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=targets, lora_dropout=0.0, bias="none")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, module)
    head.requires_grad_(True)


def merge_adapters(module: nn.Module) -> float | None:
    """Add each adapter to the layer beside it and take it away: the module has its family's layers again.

    Returns the share of the model's parameters that was trained, or None for a model without adapters.
    """
    # Told by what they have: importing peft takes seconds, and most models have none.
    adapted: dict[str, Any] = {name: layer for name, layer in module.named_modules() if hasattr(layer, "lora_A")}
    if not adapted:
        return None
    trained = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    for name, layer in adapted.items():
        layer.merge(safe_merge=True)
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, layer.get_base_layer())
    module.requires_grad_(True)
    return trained / sum(parameter.numel() for parameter in module.parameters())


def attention_projections(module: nn.Module) -> list[str]:
    """The full names of the query and value projections, from shallow to deep."""
    projections = []
    for name, layer in module.named_modules():
        for names in PROJECTIONS:
            if all(isinstance(getattr(layer, part, None), nn.Linear) for part in names):
                projections += [f"{name}.{part}" if name else part for part in names]
    return projections

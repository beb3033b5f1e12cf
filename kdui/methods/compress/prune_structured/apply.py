"""Structured pruning: remove as much as the target needs, fine-tune with the teacher, and repeat for each round."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.plain import digest
from kdui.core.words import percent
from kdui.methods.compress.fine_tuning import recovery_losses
from kdui.methods.compress.prune_structured.channels import check_channels, prune_channels
from kdui.methods.compress.prune_structured.rounds import joined, round_context
from kdui.methods.compress.prune_structured.spec import PARTS
from kdui.methods.compress.prune_structured.strength import (
    LATENCY_TRIALS,
    MACS_TRIALS,
    Cost,
    Cut,
    LatencyShare,
    macs_share,
    strength_for,
    timed_arrays,
)
from kdui.methods.compress.prune_structured.transformer import importance_of, prune_transformer
from kdui.models.encoders import encoder_layers
from kdui.models.size import count_macs, count_parameters
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.fit import fit, keep, resident
from kdui.training.initial_weights import load_input
from kdui.training.pruning_scores import calibration_batches, gradients
from kdui.training.recorded_choice import recorded_choice
from kdui.training.saved import SavedModel

STRONGEST = 0.95  # share of a part that the strongest cut removes
STRENGTH_FILE = "strength.json"


def prune_structured(context: StepContext) -> dict[str, Any]:
    """The smaller, recovered model; its summary holds the sizes before and after."""
    settings = context.settings
    saved = load_input(context, "model")
    saved.module.eval()
    example = _example(context, saved)
    parameters, macs = count_parameters(saved.module), _macs(saved.module, example)
    before = _parts(saved.module)
    cost = _cost(context, saved, example, macs)
    trainings = []
    for number in range(settings["rounds"]):
        part = round_context(context, number, settings["rounds"])
        _cut_once(part, saved, example, cost, (number + 1) / settings["rounds"])
        trainings.append(fit(part, saved, recovery_losses(part), seed=settings["seed"]))
        saved.module.to("cpu").float().eval()
    summary = keep(context, saved, joined(trainings))
    left = _macs(saved.module, example)
    _say(context, before, _parts(saved.module), left / macs, summary["parameters"] / parameters)
    return {**summary, "parameters_before": parameters, "macs_before": macs, "macs": left}


def _cut_once(
    context: StepContext, saved: SavedModel, example: Mapping[str, torch.Tensor], cost: Cost | None, done: float
) -> None:
    """One round's cut, in place. ``done`` is the share of the rounds that are over after it; a target is neared geometrically.

    The strength is kept beside the round's checkpoint: a resumed run must cut the same, however its machine is timed now.
    """
    settings = context.settings
    cut = _cutter(context, saved, example)
    path = context.checkpoint / STRENGTH_FILE
    kept = _kept_strength(path)
    if kept is not None:
        strength = kept
    elif cost is None:
        strength = 1.0
    else:
        trials = LATENCY_TRIALS if settings["target"] == "latency" else MACS_TRIALS
        keep_share = settings["keep"] ** done
        strength, reached = _strength(context, lambda: strength_for(saved.module, cut, cost, keep_share, trials), done)
        context.report.log(f"{percent(reached, 1)} of the {settings['target']} are left after this cut.")
    context.checkpoint.mkdir(parents=True, exist_ok=True)
    write_json(path, {"strength": strength, "sha256": digest(strength)})
    before = count_parameters(saved.module)
    cut(saved.module, strength)
    saved.module.zero_grad(set_to_none=True)
    shares = [_shares(settings)[name] for name in (PARTS if encoder_layers(saved.module) else ("share",))]
    if count_parameters(saved.module) == before and cost is None and any(shares):
        raise StageFailed(
            "Nothing could be removed: the shares are too small for layers this narrow. Raise them, set 'multiple: 1' for "
            "channels, or use the stage 'prune'."
        )


def _strength(context: StepContext, find: Callable[[], tuple[float, float]], done: float) -> tuple[float, float]:
    """The strength and what it leaves; one that was found by timing is recorded, so that the step made again cuts the same."""
    if context.settings["target"] != "latency":
        return find()
    choice, _ = recorded_choice(context, f"strength at {done:.6f}", lambda: dict(zip(("strength", "left"), find(), strict=True)))
    return choice["strength"], choice["left"]


def _cutter(context: StepContext, saved: SavedModel, example: Mapping[str, torch.Tensor]) -> Cut:
    """What removes parts of a module like this one: importance is read once, from the module as it is now."""
    settings = context.settings
    together, kind = settings["scope"] == "global", settings["kind"]
    shares = _shares(settings)
    if encoder_layers(saved.module):
        if kind == "bn-scale":
            raise StageFailed("A transformer has no batch normalisation to read scales from. Choose kind: magnitude or taylor.")
        chosen = {part: shares[part] for part in PARTS}
        influence = bool(shares["layers"]) and settings["layer_choice"] == "influence"
        batches = calibration_batches(context, saved, settings["calibration_examples"]) if kind == "taylor" or influence else []
        saved.module.to(context.device)
        importance = importance_of(saved.module, batches, recovery_losses(context), kind, influence)
        saved.module.to("cpu")
        every = settings["layer_choice"] == "every"
        return lambda module, strength: prune_transformer(
            module, example, _scaled(chosen, strength), importance, every=every, together=together
        )
    check_channels(saved.module, kind)
    if kind == "taylor":
        _gather_gradients(context, saved)

    def cut(module: nn.Module, strength: float) -> None:
        if share := _scaled({"share": shares["share"]}, strength)["share"]:
            prune_channels(module, example, context.facts.outputs, share, kind, together, settings.get("multiple", 1))

    return cut


def _shares(settings: Mapping[str, Any]) -> dict[str, float]:
    """Of each part the share that the strongest cut of one round removes.

    Under a target the shares keep their proportion and the largest becomes STRONGEST; else each round takes the same share of
    what is left.
    """
    total_shares = {name: settings.get(name, STRONGEST) for name in ("share", *PARTS)}
    if settings["target"] == "share":
        return {name: 1.0 - (1.0 - share) ** (1.0 / settings["rounds"]) for name, share in total_shares.items()}
    largest = max(total_shares[part] for part in PARTS)
    return {"share": STRONGEST, **{part: STRONGEST * total_shares[part] / largest if largest else 0.0 for part in PARTS}}


def _scaled(shares: Mapping[str, float], strength: float) -> dict[str, float]:
    return {name: share * strength for name, share in shares.items()}


def _gather_gradients(context: StepContext, saved: SavedModel) -> None:
    """Leave in the parameters the gradient of the loss over all calibration examples."""
    module = saved.module.to(context.device)
    batches = calibration_batches(context, saved, context.settings["calibration_examples"])
    total: dict[str, torch.Tensor] = {}
    for _ in gradients(module, batches, recovery_losses(context)):
        for name, parameter in module.named_parameters():
            if parameter.grad is not None:
                total[name] = total.get(name, torch.zeros(())) + parameter.grad.cpu()
    module.to("cpu")
    for name, parameter in module.named_parameters():
        parameter.grad = total[name] / len(batches) if name in total else torch.zeros_like(parameter)


def _example(context: StepContext, saved: SavedModel) -> dict[str, torch.Tensor]:
    data = resident(context, "validation", saved.inputs, saved.folder)
    return {name: tensor.to("cpu") for name, tensor in data.inputs(next(data.in_order(2))).items()}


def _kept_strength(path: Path) -> float | None:
    """The strength that was found before the run was stopped; None where there is none, or it is damaged."""
    try:
        kept = json.loads(path.read_bytes())
        return float(kept["strength"]) if kept["sha256"] == digest(kept["strength"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _cost(context: StepContext, saved: SavedModel, example: Mapping[str, torch.Tensor], macs: int) -> Cost | None:
    match context.settings["target"]:
        case "macs":
            return macs_share(macs, example)
        case "latency":
            context.checkpoint.mkdir(parents=True, exist_ok=True)
            arrays = context.data.prepared("validation", saved.inputs, saved.folder)
            return LatencyShare(context, saved.module, timed_arrays(arrays), context.checkpoint)
    return None


def _macs(module: nn.Module, example: Mapping[str, torch.Tensor]) -> int:
    return count_macs(module, {name: tensor[:1] for name, tensor in example.items()})


def _parts(module: nn.Module) -> dict[str, list[int]]:
    """What a person may count: heads and units of each layer and the shared width, or the channels of each convolution."""
    if layers := encoder_layers(module):
        return {
            "heads": [layer.heads for layer in layers],
            "feed-forward units": [layer.units for layer in layers],
            "width": [layers[0].mix.out_features],
        }
    return {"channels": [layer.out_channels for layer in module.modules() if isinstance(layer, nn.Conv2d)]}


def _say(context: StepContext, before: dict[str, list[int]], after: dict[str, list[int]], macs: float, parameters: float) -> None:
    for name, counts in after.items():
        context.report.log(f"{name}: {before[name]} before, {counts} left.")
    context.report.log(f"{percent(macs, 1)} of the MACs and {percent(parameters, 1)} of the parameters are left.")

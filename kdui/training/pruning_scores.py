"""How much each weight matters: one score a weight, and the lowest go. Pure functions and passes over calibration examples."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.training.context import StepContext
from kdui.training.fit import resident, visible_labels
from kdui.training.loop import Batch, LossFunction
from kdui.training.saved import SavedModel
from kdui.training.weights import prunable_weights, relative_weights

Scores = dict[str, torch.Tensor]
Compute = Callable[[nn.Module, dict[str, torch.Tensor]], Any]
CALIBRATION_BATCH = 32


def magnitude_scores(weights: Mapping[str, torch.Tensor], together: bool = True) -> Scores:
    """|w|; where layers are ranked ``together``, against the root mean square of its own tensor."""
    if together:
        return {name: weight.abs() for name, weight in relative_weights(weights).items()}
    return {name: weight.detach().abs().float().cpu() for name, weight in weights.items()}


def random_scores(weights: Mapping[str, torch.Tensor], seed: int) -> Scores:
    """A rank by chance for every weight; the lower share of one seed is part of its next larger share."""
    total = sum(weight.numel() for weight in weights.values())
    ranks = torch.empty(total)
    ranks[torch.randperm(total, generator=torch.Generator().manual_seed(seed))] = torch.arange(total, dtype=torch.float32)
    parts = ranks.split([weight.numel() for weight in weights.values()])
    return {name: part.view(weights[name].shape) for name, part in zip(weights, parts, strict=True)}


def taylor_scores(module: nn.Module, batches: Iterable[Batch], losses: LossFunction, compute: Compute | None = None) -> Scores:
    """|w · ∂L/∂w|, the first-order change of the loss if the weight were zero, mean over batches.

    Molchanov et al. 2019, arXiv:1906.10771, section 3 (there its square, which ranks alike).
    """
    weights = prunable_weights(module)
    totals = {name: torch.zeros(weight.shape) for name, weight in weights.items()}
    count = 0
    for _ in gradients(module, batches, losses, compute):
        count += 1
        for name, weight in weights.items():
            if weight.grad is not None:
                totals[name] += (weight.detach() * weight.grad).abs().float().cpu()
    return {name: total / count for name, total in totals.items()}


def gradients(
    module: nn.Module, batches: Iterable[Batch], losses: LossFunction, compute: Compute | None = None
) -> Iterator[None]:
    """After each batch the parameters hold the gradient of its total loss; at the end they hold none again.

    In evaluation mode, so that nothing blurs them. ``compute``: a problem's, where its outputs are not those of the module.
    """
    with evaluating(module):
        for batch in batches:
            module.zero_grad(set_to_none=True)
            with torch.backends.cudnn.flags(enabled=False):  # cuDNN's recurrent layers go backward in training mode alone
                losses(_outputs(module, batch, compute), batch)["total"].backward()
            yield
        module.zero_grad(set_to_none=True)


def _outputs(module: nn.Module, batch: Batch, compute: Compute | None) -> Any:
    return compute(module, batch.inputs) if compute else module(**batch.inputs)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while: neither dropout nor a batch's own statistics."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)


def wanda_scores(
    module: nn.Module, batches: Iterable[Batch], compute: Compute | None = None, padded: bool = True
) -> tuple[Scores, list[str]]:
    """|w_ij| · ‖x_j‖₂ over the calibration examples (Sun et al. 2024, Wanda, arXiv:2306.11695, equation 1), and what has none.

    ``x_j`` is what the weight is multiplied with: an input feature of a linear layer, or one place of a convolution's window.
    Weights of other layers (embeddings, recurrent layers) get |w|; their names are the second value. ``compute``: see
    ``gradients``. Without ``padded`` the places that an ``attention_mask`` hides do not count.
    """
    weights, layers = prunable_weights(module), multiplying_layers(module)
    squares: Scores = {}

    def add(name: str, inputs: torch.Tensor) -> None:
        squares[name] = squares.get(name, torch.zeros(())) + squared_inputs(layers[name], inputs)

    watch_inputs(module, layers, batches, add, compute, padded)
    scores, fallen = {}, []
    for name, weight in weights.items():
        scores[name] = weight.detach().abs().float().cpu()
        if name in squares:
            scores[name] = scores[name] * _as_weight(layers[name], squares[name].sqrt().float())
        else:
            fallen.append(name)
    return scores, fallen


def multiplying_layers(module: nn.Module) -> dict[str, Any]:
    """The linear layers and convolutions, by the names of their weights; a weight that several share counts for the first."""
    weights = prunable_weights(module)
    layers = {f"{name}.weight": layer for name, layer in module.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))}
    return {name: layer for name, layer in layers.items() if name in weights}


def watch_inputs(
    module: nn.Module,
    layers: Mapping[str, Any],
    batches: Iterable[Batch],
    take: Callable[[str, torch.Tensor], None],
    compute: Compute | None = None,
    padded: bool = True,
) -> None:
    """Hand what each layer is given for these batches to ``take``, by the layer's name; see ``wanda_scores``."""
    hidden: list[torch.Tensor | None] = [None]  # the mask of the batch that goes through
    with evaluating(module), _watched(layers, take, hidden), torch.no_grad():
        for batch in batches:
            hidden[0] = None if padded else batch.inputs.get("attention_mask")
            _outputs(module, batch, compute)


@contextmanager
def _watched(
    layers: Mapping[str, Any], take: Callable[[str, torch.Tensor], None], hidden: Sequence[torch.Tensor | None]
) -> Iterator[None]:
    """Hand each layer's inputs to ``take``; of tokens, those that the mask leaves."""

    def watch(name: str) -> Callable[..., None]:
        def hook(layer: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            given, mask = inputs[0].detach(), hidden[0]
            if mask is not None and given.shape[:-1] == mask.shape:
                given = given[mask == 1]
            take(name, given)

        return hook

    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def squared_inputs(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Sum of the squares of all values that each column of the layer's weight matrix is multiplied with, in double precision."""
    squares = inputs.double().square()
    if isinstance(layer, nn.Linear):
        return squares.flatten(0, -2).sum(0).cpu()
    windows = functional.unfold(
        squares.sum(0, keepdim=True), layer.kernel_size, layer.dilation, _padding(layer), layer.stride
    )  # [1, channels · places, positions]
    return windows.sum((0, 2)).cpu()


def _padding(layer: nn.Conv2d) -> Any:
    if layer.padding == "valid":
        return 0
    if isinstance(layer.padding, str):  # same: what PyTorch pads on each side of an odd kernel
        return tuple(d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    return layer.padding


def _as_weight(layer: Any, norms: torch.Tensor) -> torch.Tensor:
    """Norms of the inputs in the shape of the weight; each group of a convolution sees its own channels."""
    if isinstance(layer, nn.Linear):
        return norms.unsqueeze(0)
    by_group = norms.view(layer.groups, layer.in_channels // layer.groups, *layer.kernel_size)
    return by_group.repeat_interleave(layer.out_channels // layer.groups, dim=0)


def calibration_batches(context: StepContext, saved: SavedModel, examples: int) -> list[Batch]:
    """The first examples of a shuffled pass over the training data; their order is decided by the step's seed."""
    data = resident(context, "train", saved.inputs, saved.folder, context.settings.get("train_examples", 0))
    if context.settings.get("labels", 1.0) < 1:
        data.set_labels(visible_labels(context))
    size = min(CALIBRATION_BATCH, examples)
    batches: list[Batch] = []
    for index in data.batches(size, context.settings["seed"], 0)[: -(-examples // size)]:
        batches.append(Batch(data.inputs(index), data.targets[index.to(data.device)], index, 0))
    return batches

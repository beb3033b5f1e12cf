"""Layers as a product of two smaller ones: what low-rank factorization leaves, how it is described and built again.

Each kind lays a layer's weight out as a matrix [rows, columns]; a product of rank r of it is two layers in a row.
"""

from collections import OrderedDict
from typing import Any, Literal

import torch
from torch import nn

from kdui.models.embeddings import FactorizedEmbedding

Kind = Literal["linear", "channel", "input-channel", "spatial", "embedding"]


class Factorized(nn.Sequential):
    """``reduce`` to the rank, then ``expand`` to what the layer gave; the bias is with the second."""

    def __init__(self, kind: Kind, rank: int, reduce: nn.Module, expand: nn.Module):
        super().__init__(OrderedDict(reduce=reduce, expand=expand))
        self.kind, self.rank = kind, rank

    @property
    def in_features(self) -> int:
        """As of the linear layer that it stands for."""
        return self.reduce.in_features  # type: ignore[return-value,union-attr]

    @property
    def out_features(self) -> int:
        """As of the linear layer that it stands for."""
        return self.expand.out_features  # type: ignore[return-value,union-attr]

    @property
    def weight(self) -> torch.Tensor:
        """The whole weight that it stands for, in the original layer's shape."""
        return product(self)

    @property
    def bias(self) -> nn.Parameter | None:
        return self.expand.bias  # type: ignore[return-value,union-attr]


def as_matrix(weight: torch.Tensor, kind: Kind) -> torch.Tensor:
    """The weight as the matrix [rows, columns] that this kind factorizes.

    ``channel``: [out, in · height · width], a k×k convolution to r channels and a 1×1 one. ``input-channel``:
    [out · height · width, in], a 1×1 convolution to r channels and a k×k one. ``spatial``: [out · width, in · height], k×1 and
    then 1×k (Jaderberg et al. 2014, arXiv:1405.3866, its second scheme).
    """
    match kind:
        case "linear" | "embedding":
            return weight
        case "channel":
            return weight.flatten(1)
        case "input-channel":
            return weight.permute(0, 2, 3, 1).flatten(0, 2)
        case "spatial":
            out, inside, height, width = weight.shape
            return weight.permute(0, 3, 1, 2).reshape(out * width, inside * height)


def product(layer: Factorized) -> torch.Tensor:
    """The weight that both layers make together."""
    left, right = layer.expand.weight, layer.reduce.weight  # type: ignore[union-attr]
    assert isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)
    match layer.kind:
        case "channel":
            return torch.einsum("or,rihw->oihw", left[:, :, 0, 0], right)
        case "input-channel":
            return torch.einsum("orhw,ri->oihw", left, right[:, :, 0, 0])
        case "spatial":
            return torch.einsum("orw,rih->oihw", left[:, :, 0], right[..., 0])
    return left @ right


def can_factorize(layer: nn.Module) -> str:
    """Why a layer cannot be factorized; empty where it can."""
    if isinstance(layer, nn.Conv2d):
        if layer.groups != 1:
            return "its channels are in groups"
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            return "its padding is not plain zeros"
    return ""


def shell(layer: Any, kind: Kind, rank: int) -> nn.Module:
    """Two layers in the place of ``layer``, on its device, with new weights."""
    with torch.device(layer.weight.device):
        if kind == "embedding":
            return FactorizedEmbedding(layer.num_embeddings, rank, layer.embedding_dim)
        if kind == "linear":
            reduce: nn.Module = nn.Linear(layer.in_features, rank, bias=False)
            return Factorized(kind, rank, reduce, nn.Linear(rank, layer.out_features, bias=layer.bias is not None))
        return Factorized(kind, rank, *_convolutions(layer, kind, rank))


def _convolutions(layer: nn.Conv2d, kind: Kind, rank: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Kernel, stride, padding and dilation go to where this kind looks around; the other convolution mixes channels alone."""
    whole: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    kernel, bias = layer.kernel_size, layer.bias is not None
    match kind:
        case "channel":
            first: tuple[Any, dict[str, Any]] = kernel, whole
            second: tuple[Any, dict[str, Any]] = (1, 1), {}
        case "input-channel":
            first, second = ((1, 1), {}), (kernel, whole)
        case _:
            first = (kernel[0], 1), {name: (value[0], int(name != "padding")) for name, value in whole.items()}
            second = (1, kernel[1]), {name: (int(name != "padding"), value[1]) for name, value in whole.items()}
    return (
        nn.Conv2d(layer.in_channels, rank, first[0], bias=False, **first[1]),
        nn.Conv2d(rank, layer.out_channels, second[0], bias=bias, **second[1]),
    )


def with_factors(layer: Any, kind: Kind, left: torch.Tensor, right: torch.Tensor) -> nn.Module:
    """The pair of layers for ``as_matrix(layer.weight, kind) ≈ left @ right``, with the layer's own bias."""
    rank = left.shape[1]
    pair: Any = shell(layer, kind, rank)
    with torch.no_grad():
        if kind == "embedding":
            pair.table.weight.copy_(left)
            pair.expand.weight.copy_(right.T)
            return pair
        first, second = pair.reduce.weight, pair.expand.weight
        match kind:
            case "linear" | "channel":
                first.copy_(right.view(first.shape))
                second.copy_(left.view(second.shape))
            case "input-channel":
                out, _, height, width = second.shape
                first.copy_(right.view(first.shape))
                second.copy_(left.view(out, height, width, rank).permute(0, 3, 1, 2))
            case _:
                out, _, _, width = second.shape
                first.copy_(right.view(first.shape))
                second.copy_(left.view(out, width, rank).permute(0, 2, 1).unsqueeze(2))
        if layer.bias is not None:
            pair.expand.bias.copy_(layer.bias)
    return pair


def description_of(layer: nn.Module, fresh: nn.Module | None) -> dict[str, Any] | None:
    """Kind and rank of a factorized layer that a fresh build has whole, else None."""
    if isinstance(layer, Factorized):
        return {"kind": layer.kind, "rank": layer.rank}
    if isinstance(layer, FactorizedEmbedding) and not isinstance(fresh, FactorizedEmbedding):
        return {"kind": "embedding", "rank": layer.table.embedding_dim}
    return None


def replace_layer(module: nn.Module, name: str, layer: nn.Module) -> None:
    """Put another layer where ``name`` points."""
    parent, _, own = name.rpartition(".")
    setattr(module.get_submodule(parent), own, layer)

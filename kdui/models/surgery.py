"""What surgery did to a module, as plain data: which layers have another shape than in a fresh build."""

import copy
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.factorized import description_of, replace_layer, shell

Surgery = dict[str, dict[str, Any]]

# Layer type -> the attributes that decide its shape.
_SHAPES: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv2d: ("in_channels", "out_channels", "groups"),
    nn.BatchNorm2d: ("num_features",),
    nn.Linear: ("in_features", "out_features"),
    nn.LayerNorm: ("normalized_shape",),
    nn.Embedding: ("num_embeddings", "embedding_dim"),
}
_ATTENTION = ("num_attention_heads", "all_head_size")
# Of a list of layers from which some were taken out: how many are left, renumbered.
_LENGTH = "length"
# Of a layer that became a product of two: its kind and rank (see ``models.factorized``).
_FACTORIZED = "factorized"


def describe_surgery(module: nn.Module, fresh: nn.Module) -> Surgery:
    """Layer name -> {attribute: value} where ``module`` differs from ``fresh``, which may lie on the meta device.

    Raises StageFailed where layers were added or taken away: that no list of sizes can describe.
    """
    layers = dict(module.named_modules())
    products = _factorized(layers, dict(fresh.named_modules()))
    if products:
        fresh = copy.deepcopy(fresh)
        apply_surgery(fresh, products)
    reference = dict(fresh.named_modules())
    short = _shortened(layers, reference)
    surgery: Surgery = {name: {_LENGTH: length} for name, length in short.items()} | products
    gone = tuple(f"{name}.{index}" for name, cut in short.items() for index in range(cut, len(_list(reference[name]))))
    reference = {name: layer for name, layer in reference.items() if not any(_within(name, one) for one in gone)}
    if odd := sorted(layers.keys() ^ reference.keys()):
        raise StageFailed(f"The model has other layers than its family builds ({', '.join(odd[:5])}), so it cannot be saved.")
    for name, layer in layers.items():
        changed = {
            key: _plain(getattr(layer, key)) for key in _attributes(layer) if getattr(layer, key) != getattr(reference[name], key)
        }
        if changed:
            surgery[name] = changed
    return surgery


def _factorized(layers: Mapping[str, nn.Module], reference: Mapping[str, nn.Module]) -> Surgery:
    """Layers that are a product of two where a fresh build has one -> kind and rank."""
    descriptions = {name: description_of(layer, reference.get(name)) for name, layer in layers.items()}
    return {name: {_FACTORIZED: facts} for name, facts in descriptions.items() if facts is not None}


def apply_surgery(module: nn.Module, surgery: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a fresh build the described shapes; the values of the resized tensors are undefined until a state is loaded.

    What was one tensor under several names is one afterwards, unless its layers went different ways.
    """
    shared = shared_names(module)
    for name, changed in surgery.items():
        layer = module.get_submodule(name)
        if _LENGTH in changed:
            del _list(layer)[changed[_LENGTH] :]
            continue
        if _FACTORIZED in changed:
            replace_layer(module, name, shell(layer, **changed[_FACTORIZED]))
            continue
        for key, value in changed.items():
            setattr(layer, key, tuple(value) if isinstance(value, list) else value)
        for key, shape in _tensor_shapes(layer).items():
            _resize(layer, key, shape)
    _tie(module, shared)


def shared_names(module: nn.Module) -> dict[str, str]:
    """Parameters that are another one under a second name (tied weights), each with the first name that it has."""
    first: dict[int, str] = {}
    return {
        name: first[id(parameter)]
        for name, parameter in module.named_parameters(remove_duplicate=False)
        if first.setdefault(id(parameter), name) != name
    }


def _tie(module: nn.Module, shared: Mapping[str, str]) -> None:
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for name, original in shared.items():
        if name in parameters and original in parameters and parameters[name].shape == parameters[original].shape:
            layer, _, key = name.rpartition(".")
            setattr(module.get_submodule(layer), key, parameters[original])


def _shortened(layers: Mapping[str, nn.Module], reference: Mapping[str, nn.Module]) -> dict[str, int]:
    """Lists with fewer layers than in a fresh build -> how many they have."""
    paired = {name: (layer, reference[name]) for name, layer in layers.items() if name in reference}
    return {
        name: len(list_now)
        for name, (list_now, list_before) in paired.items()
        if isinstance(list_now, nn.ModuleList) and isinstance(list_before, nn.ModuleList) and len(list_now) < len(list_before)
    }


def _within(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}.")


def _list(layer: nn.Module) -> nn.ModuleList:
    return cast(nn.ModuleList, layer)


def _attributes(layer: nn.Module) -> tuple[str, ...]:
    for kind, attributes in _SHAPES.items():
        if isinstance(layer, kind):
            return attributes
    return tuple(name for name in _ATTENTION if hasattr(layer, name))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tensor_shapes(layer: nn.Module) -> dict[str, tuple[int, ...]]:
    match layer:
        case nn.Conv2d():
            weight = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
            return {"weight": weight, "bias": (layer.out_channels,)}
        case nn.BatchNorm2d():
            return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (layer.num_features,))
        case nn.Linear():
            return {"weight": (layer.out_features, layer.in_features), "bias": (layer.out_features,)}
        case nn.LayerNorm():
            return dict.fromkeys(("weight", "bias"), tuple(layer.normalized_shape))
        case nn.Embedding():
            return {"weight": (layer.num_embeddings, layer.embedding_dim)}
    return {}


def _resize(layer: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    tensor = getattr(layer, name)
    if tensor is None or tuple(tensor.shape) == shape:
        return
    empty = torch.empty(shape, dtype=tensor.dtype, device=tensor.device)
    if isinstance(tensor, nn.Parameter):
        setattr(layer, name, nn.Parameter(empty, requires_grad=tensor.requires_grad))
    else:
        setattr(layer, name, empty)

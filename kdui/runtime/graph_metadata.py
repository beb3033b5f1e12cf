"""The metadata of an exported ONNX file: which task and step it belongs to, its labels, and how its inputs are prepared."""

import json
from collections.abc import Mapping
from pathlib import Path

import onnx

from kdui.core.contracts import TaskFacts


def export_metadata(facts: TaskFacts, step: str, inputs: str) -> dict[str, str]:
    """The metadata of every export. ``step``: the digest of the step that made it; ``inputs``: its InputSettings as JSON."""
    return {
        "kdui.task": facts.name,
        "kdui.labels": json.dumps(facts.labels),
        "kdui.step": step,
        "kdui.inputs": inputs,
    }


def set_metadata(model: onnx.ModelProto, values: Mapping[str, str]) -> None:
    """Set entries of a graph's metadata in place; a key that is there already gets the new value."""
    entries = {entry.key: entry for entry in model.metadata_props}
    for key, value in values.items():
        entry = entries.get(key) or model.metadata_props.add()
        entry.key, entry.value = key, value


def write_metadata(path: Path, values: Mapping[str, str]) -> None:
    """Set entries of an ONNX file's metadata; weights in files beside it stay where they are."""
    model = onnx.load(path, load_external_data=False)
    set_metadata(model, values)
    onnx.save(model, path)

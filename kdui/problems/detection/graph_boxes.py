"""The nodes that make boxes of an exported graph's outputs: softmax, best cells, and ONNX's non-maximum suppression.

They give the file a second output ``boxes`` [found, 7]: image of the batch, class from 1, score, left, top, right, bottom in
pixels. So whoever runs the file needs no code of ours, and a latency that is measured of it holds the suppression.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.core.layout import ANSWER_NODES
from kdui.problems.detection.decode import CELL, LEAST_SCORE, MOST, MOST_CELLS, OVERLAP, SIDES, cell_middles

BOXES = "boxes"


def add_boxes(model: onnx.ModelProto) -> None:
    """Give the graph its second output, in place; its first [batch, rows, columns, classes + 4] stays as it is."""
    graph = model.graph
    outputs = graph.output[0]
    rows, columns, width = (dimension.dim_value for dimension in outputs.type.tensor_type.shape.dim[1:])
    graph.initializer.extend(_constants(rows, columns, width))
    graph.node.extend(_nodes(outputs.name))
    graph.output.append(helper.make_tensor_value_info(BOXES, TensorProto.FLOAT, ["found", 7]))


def _constants(rows: int, columns: int, width: int) -> list[onnx.TensorProto]:
    whole = np.iinfo(np.int64).max
    numbers: dict[str, list[int]] = {
        "cells": [-1, rows * columns, width],
        "start": [0],
        "classes": [width - SIDES],
        "end": [whole],
        "last": [2],
        "first": [1],
        "most_cells": [min(MOST_CELLS, rows * columns)],
        "most": [MOST],
        "image_and_cell": [0, 2],
        "image_only": [0],
        "class_only": [1],
    }
    floats = {
        "one": np.array([1], np.float32),
        "middles": cell_middles(rows, columns)[None],
        "signs": np.array([-CELL, -CELL, CELL, CELL], np.float32),
        "overlap": np.array([OVERLAP], np.float32),
        "least": np.array([LEAST_SCORE], np.float32),
    }
    arrays = {name: np.array(values, np.int64) for name, values in numbers.items()} | floats
    return [numpy_helper.from_array(array, f"{ANSWER_NODES}{name}") for name, array in arrays.items()]


def _nodes(outputs: str) -> list[onnx.NodeProto]:
    """Operators of operator set 13, which later ones have in the same form."""
    steps: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Reshape", [outputs, ".cells"], [".flat"], {}),
        ("Slice", [".flat", ".start", ".classes", ".last"], [".logits"], {}),
        ("Slice", [".flat", ".classes", ".end", ".last"], [".distances"], {}),
        ("Softmax", [".logits"], [".shares"], {"axis": -1}),
        ("Slice", [".shares", ".first", ".end", ".last"], [".scores"], {}),
        ("Softplus", [".distances"], [".positive"], {}),
        ("Mul", [".positive", ".signs"], [".offsets"], {}),
        ("Add", [".offsets", ".middles"], [".all_boxes"], {}),
        # The best score of each cell: ReduceMax has its axes elsewhere in later operator sets, TopK of one has not.
        ("TopK", [".scores", ".first"], [".best_score", ".best_class"], {"axis": -1}),
        ("TopK", [".best_score", ".most_cells"], [".cell_score", ".cell"], {"axis": 1}),
        ("GatherND", [".all_boxes", ".cell"], [".cell_boxes"], {"batch_dims": 1}),
        ("GatherND", [".scores", ".cell"], [".cell_scores"], {"batch_dims": 1}),
        ("Transpose", [".cell_scores"], [".by_class"], {"perm": [0, 2, 1]}),
        ("NonMaxSuppression", [".cell_boxes", ".by_class", ".most", ".overlap", ".least"], [".found"], {}),
        ("Gather", [".found", ".image_and_cell"], [".found_cell"], {"axis": 1}),
        ("GatherND", [".cell_boxes", ".found_cell"], [".found_boxes"], {}),
        ("GatherND", [".by_class", ".found"], [".flat_score"], {}),
        ("Unsqueeze", [".flat_score", ".first"], [".found_score"], {}),
        ("Gather", [".found", ".image_only"], [".image_number"], {"axis": 1}),
        ("Gather", [".found", ".class_only"], [".class_number"], {"axis": 1}),
        ("Cast", [".image_number"], [".image"], {"to": TensorProto.FLOAT}),
        ("Cast", [".class_number"], [".class_from_0"], {"to": TensorProto.FLOAT}),
        ("Add", [".class_from_0", ".one"], [".class"], {}),
        ("Concat", [".image", ".class", ".found_score", ".found_boxes"], [BOXES], {"axis": 1}),
    ]
    return [
        helper.make_node(kind, _named(inputs), _named(made), name=f"{ANSWER_NODES}{number}_{kind}", **attributes)
        for number, (kind, inputs, made, attributes) in enumerate(steps)
    ]


def _named(names: list[str]) -> list[str]:
    return [f"{ANSWER_NODES}{name[1:]}" if name.startswith(".") else name for name in names]

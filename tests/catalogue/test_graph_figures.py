"""Figures of an ONNX file are read at once, and from any bytes within bounds."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdui.catalogue import graph_figures as module
from kdui.catalogue.graph_figures import graph_figures
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef
from kdui.runtime.foreign_graph import count_weights


def graph(path, **saved):
    """Two products, one of int8 weights that stand in int32_data, and a bias of one number."""
    rounded = helper.make_tensor("rounded", TensorProto.INT8, [5, 3], range(15))
    weights = [numpy_helper.from_array(np.ones((4, 5), np.float32), "w"), rounded, numpy_helper.from_array(np.float32(1), "one")]
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(7, np.float32)))
    nodes = [constant, helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Add", ["y", "one"], ["z"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in (("x", 4), ("z", 5))]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], weights))
    onnx.save(model, path, **saved)
    return model


def look(path, settings):
    return graph_figures(ModelRef.parse(f"onnx:{path}"), settings)


def test_size_weights_and_operations_are_those_that_the_library_counts(tmp_path, settings):
    model = graph(tmp_path / "model.onnx")
    result = look(tmp_path / "model.onnx", settings)
    assert (result.weights, result.operations) == (count_weights(model)[0], 3) == (42, 3)
    assert result.file_bytes == (tmp_path / "model.onnx").stat().st_size


def test_weights_beside_the_file_belong_to_its_size(tmp_path, settings):
    path = tmp_path / "model.onnx"
    graph(path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    result = look(path, settings)
    assert result.weights == 42
    assert result.file_bytes == path.stat().st_size + (tmp_path / "model.onnx.data").stat().st_size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, this is a secret",
        b"\x3a\xff\xff\xff\xff\x0f",  # a graph longer than the file
        b"\x3a\x0f\x0a\x00\x2a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x01",  # a tensor of 2^56 floats
        b"\x80" * 20,
        b"\x08\x01" * 1000,
    ],
)
def test_what_is_no_onnx_file_is_reported_without_its_content(tmp_path, settings, data, monkeypatch):
    monkeypatch.setattr(module, "MOST_FIELDS", 500)
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(RecipeError, match=r"model\.onnx cannot be read as an ONNX file") as refused:
        look(path, settings)
    assert "secret" not in str(refused.value)


def test_a_changed_file_is_read_anew_and_a_missing_or_foreign_one_is_refused(tmp_path, settings):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"none yet")
    with pytest.raises(RecipeError):
        look(path, settings)
    graph(path)
    assert look(path, settings).weights == 42
    with pytest.raises(RecipeError, match="There is no file"):
        look(tmp_path / "other.onnx", settings)
    with pytest.raises(RecipeError, match="reads only files below KDUI_HOME"):
        look(path, settings.model_copy(update={"own_files_only": True, "home": tmp_path / "home"}))

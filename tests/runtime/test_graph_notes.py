"""Files that we write hold no path and no stack trace of the machine that wrote them: the same bytes from any checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.methods.compress.sensitivity.weights import weights_of
from kdui.runtime.graph_files import load_graph, save_graph
from kdui.runtime.graph_notes import without_notes
from kdui.runtime.sessions import run_graph

ROOT = Path(__file__).resolve().parents[2]
# What stands here is run in this process for this checkout, and in one of its own for another.
MODEL = """
import numpy as np, torch
from kdui.methods.deliver.export.apply import write_onnx
from kdui.modalities.image.prepare import AXES
from kdui.catalogue.tasks import TASKS
from kdui.catalogue.models import FAMILIES
with torch.random.fork_rng(devices=[]):
    torch.manual_seed(0)
    module = FAMILIES.module("cnn", "build").build({"width": 4, "stages": 2, "depth": 1}, TASKS["digits"], None).eval()
write_onnx(module, {"pixels": np.zeros((2, 1, 8, 8), np.float32)}, AXES, 20, target)
"""
BEFORE, AFTER = "import pathlib, sys, kdui; target = pathlib.Path(sys.argv[1])", "print(pathlib.Path(kdui.__file__).parent)"


def exported_from(checkout: Path, target: Path) -> str:
    """Export in a process that runs this checkout's package; says which package it was."""
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + MODEL + AFTER, str(target)],
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1"},
        cwd=target.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_the_same_model_from_a_longer_path_is_the_same_file(tmp_path):
    longer = tmp_path / "a" / "much_longer_path_to_another_checkout_of_the_same_program"
    shutil.copytree(ROOT / "kdui", longer / "kdui", ignore=shutil.ignore_patterns("__pycache__"))
    here, there = (tmp_path / name / "model.onnx" for name in ("here", "there"))
    for target in (here, there):
        target.parent.mkdir()
    exec(MODEL, {"target": here})
    assert exported_from(longer, there) == str(longer / "kdui")
    data = here.read_bytes()
    assert data == there.read_bytes()
    assert not any(note in data for note in (b'File "', str(ROOT).encode(), str(longer).encode(), b"pkg.torch"))


def test_notes_are_found_wherever_a_graph_keeps_them(tmp_path):
    secret = 'File "/home/somebody/checkout/model.py", line 1'

    def noted(item):
        item.doc_string = secret
        if hasattr(item, "metadata_props"):
            entry = item.metadata_props.add()
            entry.key, entry.value = "pkg.torch.onnx.stack_trace", secret
        return item

    def value(name):
        return noted(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]))

    def branch(name, number):
        constant = noted(numpy_helper.from_array(np.full((1, 2), number, np.float32), f"{name}_constant"))
        node = noted(helper.make_node("Add", ["x", f"{name}_constant"], [name]))
        return noted(helper.make_graph([node], name, [], [value(name)], [constant]))

    choose = noted(helper.make_node("If", ["yes"], ["chosen"], then_branch=branch("then", 1), else_branch=branch("else", 2)))
    choose.attribute[0].doc_string = secret
    call = noted(helper.make_node("Twice", ["chosen"], ["out"], domain="local"))
    body = noted(helper.make_node("Add", ["a", "a"], ["b"]))
    function = noted(helper.make_function("local", "Twice", ["a"], ["b"], [body], [helper.make_opsetid("", 20)]))
    yes = noted(numpy_helper.from_array(np.array(True), "yes"))
    graph = noted(helper.make_graph([choose, call], "graph", [value("x")], [value("out")], [yes]))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]
    model = noted(helper.make_model(graph, functions=[function], opset_imports=opsets, ir_version=10))
    ours = model.metadata_props.add()
    ours.key, ours.value = "kdui.task", "digits"
    onnx.save(model, tmp_path / "noted.onnx")
    assert (tmp_path / "noted.onnx").read_bytes().count(secret.encode()) > 15

    save_graph(load_graph(tmp_path / "noted.onnx"), tmp_path / "clean.onnx")
    clean = (tmp_path / "clean.onnx").read_bytes()
    assert b"somebody" not in clean and b"pkg.torch" not in clean
    assert [(entry.key, entry.value) for entry in onnx.load_from_string(clean).metadata_props] == [("kdui.task", "digits")]
    onnx.checker.check_model(onnx.load_from_string(clean))
    x = {"x": np.ones((3, 2), np.float32)}
    np.testing.assert_array_equal(run_graph(tmp_path / "clean.onnx", x), run_graph(tmp_path / "noted.onnx", x))
    assert without_notes(onnx.load_from_string(clean)).SerializeToString() == onnx.load_from_string(clean).SerializeToString()


def test_weights_that_the_exporter_renamed_are_named_after_their_modules():
    def product(number, scopes):
        node = helper.make_node("MatMul", [f"in{number}", f"turned{number}"], [f"in{number + 1}"])
        entry = node.metadata_props.add()
        entry.key, entry.value = "pkg.torch.onnx.name_scopes", scopes
        return [helper.make_node("Transpose", [f"val_{number}"], [f"turned{number}"], perm=[1, 0]), node]

    weights = [numpy_helper.from_array(np.eye(2, dtype=np.float32), f"val_{number}") for number in range(3)]
    scopes = ("['', 'first', 'linear']", "['', 'second', 'linear']", "['', 'second', 'more']")
    nodes = [node for number, scope in enumerate(scopes) for node in product(number, scope)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("in0", "in3")]
    model = helper.make_model(helper.make_graph(nodes, "products", ends[:1], ends[1:], weights))
    before = [weight.title for weight in weights_of(model)]
    without_notes(model)
    onnx.checker.check_model(model, full_check=True)
    assert [tensor.name for tensor in model.graph.initializer] == ["first.weight", "second.weight", "second.val_2"]
    assert before == ["first", "second", "second"] and [weight.title for weight in weights_of(model)][:2] == before[:2]

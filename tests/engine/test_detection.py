"""Detection from data to answers: a detector and a depthwise one on composed scenes, their file, in int8 as well, and Compare."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType

from kdui.catalogue.models import FAMILIES
from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.answers import Box
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.run import RunState
from kdui.methods.compress.prune_structured.channels import prune_channels
from kdui.methods.compress.quantize.int8 import write_static
from kdui.methods.deliver.export.to_onnx import complete_onnx
from kdui.models.module_store import load_model
from kdui.models.size import count_parameters, example_inputs
from kdui.problems import problem_of
from kdui.problems.detection.decode import kept_boxes
from kdui.runtime.sessions import open_session
from kdui.store.store import Store
from kdui.tasks.composed_scenes import load as scenes
from kdui.ui.answers import boxes as boxes_html
from kdui.ui.answers import together
from tests.engine.digits import Bench
from tests.tasks.scenes import write_items

FEW, MADE = 12, 40
TASK = "composed-boxes"
FACTS = TASKS[TASK]
PROBLEM = problem_of(FACTS)
SMALL = {"batch_size": 4, "learning_rate": 0.02, "train_examples": MADE}
RECIPE = {
    "task": TASK,
    "teacher": "detector?width=6&stages=3&depth=1",
    "student": "detector-depthwise?width=4&stages=3&depth=1",
    "stages": [
        {"teach": {**SMALL, "epochs": 3, "augment": True}},
        {"box_distillation": {**SMALL, "epochs": 2, "augment": True, "views": 2, "temperature": 2, "control": False}},
    ],
}

pytestmark = pytest.mark.usefixtures("few_examples")


@pytest.fixture(scope="module")
def few_scenes():
    """Each split's first scenes again and again: composing all of them takes longer than the trainings."""
    composed = scenes._composed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "_composed", lambda items, count, seed: (composed(items, MADE, seed) * count)[:count])
        yield


@pytest.fixture(scope="module")
def bench(tmp_path_factory, few_scenes):
    bench = Bench(tmp_path_factory.mktemp("detection"))
    data = tmp_path_factory.mktemp("data")
    write_items(data / "fashion-mnist")
    bench.settings = bench.settings.model_copy(update={"data_dir": data})
    bench.store = Store(bench.settings)
    return bench


@pytest.fixture(scope="module")
def run(bench, few_examples):
    finished_run = bench.run(RECIPE)
    assert finished_run.state is RunState.SUCCEEDED, finished_run.error
    return finished_run


def test_methods_that_do_not_suit_are_refused_in_words(bench):
    with pytest.raises(RecipeError, match="needs one label for each example, but Composed boxes is a task of detection"):
        bench.plan({**RECIPE, "stages": ["teach", "relational"]})
    digits = {"task": "digits", "teacher": "cnn-small", "student": "cnn-tiny", "stages": ["teach", "box_distillation"]}
    with pytest.raises(RecipeError, match="needs boxes of objects, but Digits is a task of classification"):
        bench.plan(digits)


def test_losses_of_classes_and_boxes_fall_and_the_teachers_cells_are_kept(bench, run):
    for step, names in (("teach", ("boxes",)), ("box_distillation", ("soft", "hard", "boxes", "teacher_boxes"))):
        history = bench.summary(run, step)["training"]["history"]
        losses = [epoch["loss"] for epoch in history]
        assert losses[-1] < losses[0] < 2.5  # 2.4 nats where each of 11 classes is as likely
        assert all(0 < history[-1][f"train_{name}"] < 2.5 for name in names)
    assert bench.summary(run, "box_distillation.outputs") == {"shape": [2, MADE, 256, 15], "dtype": "float16"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of one convolution, in float and in int8: PyTorch's exporter takes longer than all else here."""
    folder, random = tmp_path_factory.mktemp("files"), np.random.RandomState(2)
    weights = random.normal(0, 0.1, (15, 1, 8, 8)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "weights"], ["maps"], name="conv", strides=[8, 8]),
            helper.make_node("Transpose", ["maps"], ["outputs"], name="cells", perm=[0, 2, 3, 1]),
        ],
        "detector",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 128, 128])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch", 16, 16, 15])],
        [numpy_helper.from_array(weights, "weights")],
    )
    plain, rounded = folder / "model.onnx", folder / "int8.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), plain)
    complete_onnx(plain, PROBLEM)
    pixels = {"pixels": random.random((FEW, 1, 128, 128)).astype(np.float32)}
    write_static(plain, rounded, pixels, QuantType.QUInt8, reduce_range=False)
    return {"float": plain, "int8": rounded}, pixels


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_suppression_is_in_the_file_and_stays_in_float(files, kind):
    paths, pixels = files
    outputs, found = open_session(paths[kind]).run(None, pixels)
    assert outputs.shape == (FEW, 16, 16, 15) and found.shape[1] == 7 and len(found)
    for image, kept in enumerate(kept_boxes(outputs)):
        own = found[found[:, 0] == image][:, 1:]
        own = own[np.argsort(-own[:, 1], kind="stable")][: len(kept)]
        assert np.allclose(own[:, 1], kept[: len(own), 1], atol=1e-4)  # a grid has ties, whose order is free


def test_int8_computes_nearly_what_float_does(files):
    paths, pixels = files
    plain, rounded = (open_session(paths[kind]).run(None, pixels)[0] for kind in ("float", "int8"))
    assert 0 < np.abs(plain - rounded).mean() < 0.1 * np.abs(plain).max()


def test_boxes_are_shown_over_the_image_and_over_each_other(bench, run):
    module = load_model(bench.folder(run, "teach"))[0].eval()
    test = load_task(TASK, bench.settings)[1]["test"]
    raw, target = test.inputs[3], test.targets[3]
    with torch.inference_mode():
        outputs = module(torch.from_numpy(raw.transpose(2, 0, 1)[None].astype(np.float32) / 255)).numpy()[0]
    folder = bench.folder(run, "teach")
    (part,) = PROBLEM.answer(outputs, FACTS, raw, folder, target)
    true = PROBLEM.truth(target, raw, FACTS)
    assert len(part.truth) == sum(int(words.split(" ")[0]) for words in true.split(", ")) >= 2
    (other,) = PROBLEM.answer(outputs, FACTS, raw, folder)
    assert other.truth is None and together([("Teacher", "teacher", other)]) == ""
    own = together([("Teacher · A", "teacher", part), ("Student · <B>", "student", part)])
    assert own.count("<figure>") == 2 and "True boxes" in own and "<B>" not in own
    found = Box(label=FACTS.answer.names[1], score=0.8, left=2, top=3, right=40, bottom=30, matches=True)
    wrong = found.model_copy(update={"matches": False, "score": 0.4, "label": "Bag"})
    html = boxes_html.html(part.model_copy(update={"boxes": (found, wrong), "truth": (found,)}), "teacher")
    assert "<b>1 of 1</b>" in html and "1 wrong boxes" in html and html.count("<rect") == 2 and "6 3" in html
    assert "No object with a score of 30 % or more" in boxes_html.html(part.model_copy(update={"boxes": ()}), "teacher")


def test_channels_leave_both_ways_of_a_detector_together():
    facts = TASKS["blood-cells"]
    options = {"width": 8, "stages": 4, "depth": 2, "separable": True}
    module = FAMILIES.module("detector", "build").build(options, facts, None)
    before = count_parameters(module)
    prune_channels(module, example_inputs(facts), facts.outputs, share=0.5)
    assert module(**example_inputs(facts)).shape == (1, 30, 40, 8) and count_parameters(module) < 0.5 * before


def test_images_that_do_not_halve_are_refused_in_words():
    facts = TASKS["blood-cells"]
    with pytest.raises(StageFailed, match=r"multiples of 32 pixels, but Blood cells has images of 240 × 320\."):
        FAMILIES.module("detector", "build").build({"width": 4, "stages": 5, "depth": 1, "separable": False}, facts, None)

"""Segmentation from data to answers: a U-Net and a depthwise one on composed scenes, in int8, measured, compared."""

import numpy as np
import pytest

from kdui.catalogue.models import FAMILIES
from kdui.catalogue.tasks import TASKS
from kdui.core.answers import Mask
from kdui.core.errors import KduiError, RecipeError, StageFailed
from kdui.core.run import RunState
from kdui.methods.compress.prune_structured.channels import prune_channels
from kdui.modalities import modality_of
from kdui.models.size import count_parameters, example_inputs
from kdui.runtime.sessions import open_session
from kdui.serving.answers import Answers
from kdui.store.store import Store
from kdui.ui.answers import mask as mask_html
from kdui.ui.answers import together
from kdui.ui.mask_pictures import read
from kdui.workbench.evidence import Evidence
from tests.engine.digits import Bench
from tests.tasks.scenes import write_items

FEW = 12
TASK = "composed-scenes"
SMALL = {"batch_size": 4, "learning_rate": 0.02, "train_examples": 40}
RECIPE = {
    "task": TASK,
    "teacher": "unet?width=6&stages=2",
    "student": "unet-depthwise?width=4&stages=2",
    "stages": [
        {"teach": {**SMALL, "epochs": 4, "augment": True}},
        {"distill": {**SMALL, "epochs": 2, "augment": True, "views": 2, "temperature": 2, "control": False}},
        {"quantize": {"bits": 8, "calibration_examples": 16}},
        "export",
        {"measure": {"speed": False, "robustness": 1}},
    ],
}

pytestmark = pytest.mark.usefixtures("few_examples")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("segmentation"))
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


def test_methods_that_read_labels_are_refused_in_words(bench):
    with pytest.raises(RecipeError, match="needs one label for each example, but Composed scenes is a task of segmentation"):
        bench.plan({**RECIPE, "stages": ["teach", "relational"]})
    with pytest.raises(RecipeError, match="'resnet-8' is a model for classification or several, but Composed scenes"):
        bench.plan({**RECIPE, "student": "resnet-8"})


def test_graphs_name_their_output_and_its_axes(bench, run):
    for step in ("export.distill", "quantize"):
        outputs = open_session(bench.folder(run, step) / "model.onnx").get_outputs()
        assert [(each.name, each.shape[0]) for each in outputs] == [("logits", "batch")], step


def test_the_losses_of_teacher_and_student_fall(bench, run):
    for step in ("teach", "distill"):
        losses = [epoch["loss"] for epoch in bench.summary(run, step)["training"]["history"]]
        assert losses[-1] < losses[0] < 2.5  # 2.4 nats where each of 11 classes is as likely


def test_the_teachers_sampled_pixels_are_kept_with_their_seed(bench, run):
    assert bench.summary(run, "distill.outputs") == {"shape": [2, 40, 2048, 11], "dtype": "float16", "rows_seed": 2018}


def test_what_is_measured_has_an_interval_over_images(bench, run):
    measured = bench.measured(run)
    for name in ("teach", "distill", "quantize"):
        iou = measured[name]["mean_iou"]
        assert 0 < iou.low < iou.value < iou.high < 100 and iou.unit == "%" and measured[name]["mean_dice"].value >= 0
        assert measured[name]["robustness"].value > 0
    assert measured["distill"]["macs"].value < measured["teach"]["macs"].value
    stored = bench.summary(run, "quantize")
    assert stored["rounded_share"] > 0.5 and stored["validation"]["examples"] == FEW
    evidence = Evidence(bench.store, lambda what, task: pytest.fail("no true labels are asked for"))
    difference = evidence.difference(run.id, "measure.distill", "measure.teach")
    apart = measured["distill"]["mean_iou"].value - measured["teach"]["mean_iou"].value
    assert difference.over == "examples" and difference.examples == FEW and difference.value == pytest.approx(apart, abs=1e-3)


def test_compare_shows_masks_over_the_image_and_where_they_differ(bench, run):
    answers, facts = Answers(bench.settings), TASKS[TASK]
    digests = [row["digest"] for row in bench.store.results.rows_of_run(run.id)][:2]
    example = answers.examples(TASK, 1, 3)[0]
    raw = np.array(example["image"], np.uint8)[..., None]
    parts = [Mask.model_validate(answer["parts"][0]) for answer in answers.ask(TASK, digests, raw)]
    assert np.array_equal(read(parts[0].image), raw[..., 0]) and read(parts[0].classes).shape == (128, 128)
    assert facts.answer.truth(read(parts[0].truth)) == example["truth"] != "only background"
    assert "mean IoU with the true mask" in mask_html.html(parts[0], "teacher")
    own = together([("Teacher · A", "teacher", parts[0]), ("Student · <B>", "student", parts[1])])
    apart = 100 * float((read(parts[0].classes) != read(parts[1].classes)).mean())
    assert f"{apart:.1f} % of the pixels" in own and own.count("<figure>") == 4 and "<B>" not in own
    other = Mask.model_validate(answers.ask(TASK, digests[:1], 255 - raw)[0]["parts"][0])
    assert other.truth == "" and together([("Teacher", "teacher", other)]) == ""
    with pytest.raises(KduiError, match="Only predictions of labels can be explained"):
        answers.explain(TASK, digests[:1], raw)


def test_channels_leave_both_ways_of_a_unet_together():
    facts = TASKS[TASK]
    options = {"width": 8, "stages": 3, "separable": True, "stride": 2}
    module = FAMILIES.module("unet", "build").build(options, facts, None)
    before = count_parameters(module)
    prune_channels(module, example_inputs(facts), facts.outputs, share=0.5)
    assert module(**example_inputs(facts)).shape == (1, 128, 128, 11) and count_parameters(module) < 0.5 * before


def test_images_that_do_not_halve_are_refused_in_words():
    facts = TASKS[TASK].model_copy(update={"input": {"height": 100, "width": 128, "channels": 1}})
    with pytest.raises(StageFailed, match="multiples of 16 pixels, but Composed scenes has images of 100 × 128"):
        FAMILIES.module("unet", "build").build({"width": 4, "stages": 4, "separable": False, "stride": 2}, facts, None)


def test_an_image_of_another_size_or_mode_is_fitted(bench):
    facts, wide = TASKS[TASK], np.zeros((60, 300, 4), np.uint8)
    wide[20:40, 100:200] = 255
    fitted = modality_of("image").parse(wide, facts)
    assert fitted.shape == (128, 128, 1) and fitted.max() == 255
    with pytest.raises(KduiError, match="array of grey levels, RGB or RGBA is needed"):
        modality_of("image").parse(np.zeros((3, 3, 3, 3)), facts)

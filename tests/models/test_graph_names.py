"""Names in exported graphs: every problem calls its output and all axes of it by what they are, and its graphs do so, too."""

import onnx
import pytest

from kdui.catalogue.models import FAMILIES
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export.to_onnx import FREE, write_onnx
from kdui.modalities import modality_of
from kdui.models.size import example_inputs
from kdui.problems import problem_of
from tests.models.small import built

# A small model of each problem whose graph the exporter of PyTorch names. Language models and encoder-decoders name theirs by
# themselves: see ``test_cached_graph.py`` and ``test_encoder_decoder.py``. Others are looked at where they are exported anyhow:
# ``test_span_models.py``, ``test_segmentation.py`` and, for labels, ``test_measure.py``.
SMALL = {
    "composed-boxes": "detector-depthwise",
    "digit-strings": "ds-cnn-ctc-slim",
    "movielens-small": "history-mean-8",
    "fashion-pictures": "dcgan-tiny",
}


def test_every_problem_names_its_output_and_that_outputs_axes():
    for name in PROBLEMS:
        output, axes = problem_of(next(task for task in TASKS.values() if task.problem == name)).graph_output
        assert output not in ("outputs", "") and axes[0] == "batch" and len({*axes}) == len(axes) > 1, name


def test_every_modality_names_the_axes_of_what_it_takes():
    for modality in {family.modality for family in FAMILIES.values()} - {"any"}:
        for axes in modality_of(modality).AXES.values():
            assert axes[0] == "batch" and len({*axes}) == len(axes) > 1


@pytest.mark.parametrize("task", SMALL)
def test_a_graph_has_no_axis_without_a_size_or_a_declared_name(task, settings, tmp_path):
    facts = TASKS[task]
    problem, axes = problem_of(facts), modality_of(facts.modality).AXES
    sample = {name: tensor.numpy() for name, tensor in example_inputs(facts, 2).items()}
    write_onnx(built(SMALL[task], facts, settings), sample, axes, 20, tmp_path / "model.onnx", problem.graph_output)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert {item.name: named(item) for item in graph.input} == {
        item.name: {place: axis for place, axis in enumerate(axes[item.name]) if axis in FREE} for item in graph.input
    }
    output, names = problem.graph_output
    shape = graph.output[0].type.tensor_type.shape.dim
    assert graph.output[0].name == output and len(shape) == len(names)
    assert named(graph.output[0]) == {place: names[place] for place, size in enumerate(shape) if not size.dim_value}


def named(item: onnx.ValueInfoProto) -> dict[int, str]:
    """The names of its axes without a fixed size, by their place."""
    return {place: axis.dim_param for place, axis in enumerate(item.type.tensor_type.shape.dim) if not axis.dim_value}

"""A real workbench over two tiny generators, answered by a real serving process."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import InputSettings
from kdui.core.layout import MODEL_FILE
from kdui.core.page_rows import Example, Servable
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.serving.generators import stored

MODEL, OTHER = "ab" * 32, "cd" * 32
TASK = TASKS["fashion-pictures"]


class WithPictures(Workbench):
    """Both models turn noise into pictures by one matrix; the other's are their negatives."""

    def __init__(self, settings: Settings):
        super().__init__(settings)
        store_generator(settings, MODEL, 1.0)
        store_generator(settings, OTHER, -1.0)

    def servable(self, task: str) -> list[Servable]:
        return [
            Servable(digest=digest, title=title, role=role, task=task, run="r", file_bytes=1000, headline="12.7")
            for digest, title, role in [(MODEL, "Positive", "teacher"), (OTHER, "Negative", "student")]
        ]

    def examples(self, task: str, n: int = 12, offset: int = 0) -> list[Example]:
        return [Example(index=seed, truth="", text=str(seed)) for seed in (2, 4)[offset : offset + n]]


def store_generator(settings: Settings, digest: str, sign: float) -> str:
    """A graph that multiplies noise by a fixed matrix, which writes itself into the store."""

    def write(folder) -> None:
        weights = sign * np.random.RandomState(0).standard_normal((TASK.input["noise"], 28 * 28)).astype(np.float32)
        constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([-1, 28, 28, 1]), "shape")]
        nodes = [
            helper.make_node("MatMul", ["noise", "weights"], ["levels"]),
            helper.make_node("Sigmoid", ["levels"], ["light"]),
            helper.make_node("Reshape", ["light", "shape"], ["picture"]),
        ]
        given = helper.make_tensor_value_info("noise", TensorProto.FLOAT, ["batch", TASK.input["noise"]])
        made = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 28, 28, 1])
        graph = helper.make_graph(nodes, "generator", [given], [made], constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(folder / MODEL_FILE))

    return stored(settings, digest, write, InputSettings(modality="noise", settings={"noise": TASK.input["noise"]}))

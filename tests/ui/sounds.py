"""A real workbench over two tiny models of sounds, answered by a real serving process."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import InputSettings
from kdui.core.layout import MODEL_FILE
from kdui.core.page_rows import Example, Servable
from kdui.modalities.audio import RATE
from kdui.modalities.audio.prepare import shown
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.serving.generators import stored

MODEL, OTHER = "ab" * 32, "cd" * 32
TASK = TASKS["spoken-digits"]


def click(tenth: int) -> np.ndarray:
    """A tone in one tenth of a second of silence: digit k for the tenth k."""
    wave = np.zeros(RATE, np.int16)
    wave[tenth * RATE // 10 : (tenth + 1) * RATE // 10] = 12000 * np.sin(np.arange(RATE // 10) * 0.5)
    return wave


class WithSounds(Workbench):
    """One model names the tenth of a second in which a sound is, the other counts tenths from the end."""

    def __init__(self, settings: Settings):
        super().__init__(settings)
        store_listener(settings, MODEL, backwards=False)
        store_listener(settings, OTHER, backwards=True)

    def servable(self, task: str) -> list[Servable]:
        return [
            Servable(digest=digest, title=title, role=role, task=task, run="r", file_bytes=1000, headline="97 %")
            for digest, title, role in [(MODEL, "Forwards", "teacher"), (OTHER, "Backwards", "student")]
        ]

    def examples(self, task: str, n: int = 12, offset: int = 0) -> list[Example]:
        return [Example(index=tenth, truth=str(tenth), **shown(click(tenth))) for tenth in (2, 4)]


def store_listener(settings: Settings, digest: str, backwards: bool) -> str:
    """A graph with the loudness of each tenth of the second as its logits, which writes itself into the store."""

    def write(folder) -> None:
        weights = np.repeat(np.eye(10, dtype=np.float32), RATE // 10, axis=0) / 10
        constants = [numpy_helper.from_array(np.ascontiguousarray(weights[:, ::-1] if backwards else weights), "weights")]
        nodes = [helper.make_node("Abs", ["samples"], ["size"]), helper.make_node("MatMul", ["size", "weights"], ["logits"])]
        given = helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["batch", RATE])
        made = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
        graph = helper.make_graph(nodes, "listener", [given], [made], constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(folder / MODEL_FILE))

    return stored(settings, digest, write, InputSettings(modality="audio", settings=dict(TASK.input)))

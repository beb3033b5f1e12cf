"""Tiny models in a store, as a run would leave them: a graph, how it wants its inputs, and a tokenizer where it takes text."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from kdui.core.chat import ChatFormat
from kdui.core.contracts import InputSettings
from kdui.core.layout import CHAT, INPUTS_FILE, MODEL_FILE
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore
from tests.runtime.next_token import table_model

WORDS = ("zero", "one", "two", "three", "four", "<b>five</b>", "six", "end")
END = WORDS.index("end")
CONTEXT = 5000


def store_generator(
    settings: Settings,
    digest: str,
    table: np.ndarray | None = None,
    words: tuple[str, ...] = WORDS,
    chat: ChatFormat | None = None,
) -> str:
    """An artifact of that digest whose words follow one another in a circle that leaves ``end`` out, or as the table says."""

    def write(folder: Path) -> None:
        table_model(folder / MODEL_FILE, circle() if table is None else table)
        write_tokenizer(folder / "tokenizer.json", words)
        if chat is not None:
            (folder / CHAT).write_text(chat.model_dump_json(), encoding="utf-8")

    files = ("tokenizer.json",) if chat is None else ("tokenizer.json", CHAT)
    inputs = InputSettings(modality="text", settings={"context": CONTEXT, "end_tokens": [END]}, files=files)
    return stored(settings, digest, write, inputs)


def store_classifier(settings: Settings, digest: str, output: str = "logits") -> str:
    """One of digits, 8 × 8 pixels: label k by the brightness of pixel k. ``output``: what its graph calls the logits."""

    def write(folder: Path) -> None:
        weights = numpy_helper.from_array(9 * np.eye(64, 10, dtype=np.float32), "weights")
        nodes = [helper.make_node("Flatten", ["pixels"], ["flat"]), helper.make_node("MatMul", ["flat", "weights"], [output])]
        given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 8, 8])
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 10])
        graph = helper.make_graph(nodes, "classifier", [given], [made], [weights])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(folder / MODEL_FILE))

    inputs = InputSettings(modality="image", settings={"height": 8, "width": 8, "channels": 1})
    return stored(settings, digest, write, inputs)


def stored(settings: Settings, digest: str, write: Callable[[Path], None], inputs: InputSettings) -> str:
    store = ArtifactStore(settings)
    with store.draft(digest) as draft:
        write(draft)
        (draft / INPUTS_FILE).write_text(inputs.model_dump_json(), encoding="utf-8")
        facts = {"produces": "onnx", "method": "export", "operation": "export", "settings": {}, "inputs": {}}
        store.commit(draft, {**facts, "digest": digest, "seconds": 0.0, "device": "test", "created": "2026-01-01T00:00:00Z"})
    return digest


def circle() -> np.ndarray:
    """Logits [words, words]: after each word but ``end`` the next one, after the last the first."""
    table = np.zeros((len(WORDS), len(WORDS)), np.float32)
    for word in range(END):
        table[word, (word + 1) % END] = 9.0
    return table


def write_tokenizer(path: Path, words: tuple[str, ...]) -> None:
    """One token a word between spaces; what is unknown is the first word."""
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(path))

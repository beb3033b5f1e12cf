"""Everything that reads what somebody else wrote: how a case is made of a seed, and what reads it.

``cases`` says how many of them a test tries, fewer than 500 where one costs more than 2 ms; ``make fuzz`` tries 10,000 of each.
"""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from kdui.actions.offered import ACTIONS
from kdui.catalogue.graph_figures import graph_figures
from kdui.catalogue.models import resolve
from kdui.catalogue.recipe_files import BUILT_IN, parse_recipe
from kdui.catalogue.tasks import TASKS
from kdui.core.own_names import OwnPath
from kdui.core.recipe import ModelRef
from kdui.kdz.container import HEAD, _sealed, pack, unpack
from kdui.kdz.graph_bytes import weights_of
from kdui.modalities.audio.sound_files import read_wav, wav_of
from kdui.modalities.image.picture_files import eight_bits, read_picture
from kdui.models.gguf_file import GgufFile
from kdui.models.gguf_writer import write_gguf
from kdui.settings import Settings
from kdui.store.events import EventLog
from kdui.store.run_bundle import FACTS, read_bundle
from kdui.tasks.own_pictures.load import preview
from kdui.tasks.own_texts.parquet import parquet_table
from kdui.tasks.own_texts.tables import table_of
from kdui.ui.build_address import packed, unpacked
from kdui.ui.calls import json_object
from kdui.workbench.workbench import Workbench
from tests.fuzz.mutations import bytes_of, text_of, value_of, zipped
from tests.fuzz.own_data import OWN_DATA
from tests.kdz.graphs import model_of, model_with_inner_graph

DATA = Path(__file__).parents[1] / "data"
CASES = 500


class Parser(NamedTuple):
    """``make``: the case of a seed; ``read``: what reads it, in a folder of its own. ``cases``: of a test."""

    make: Callable[[random.Random], Any]
    read: Callable[[Any, Path], object]
    cases: int = CASES


def settings_in(folder: Path) -> Settings:
    """Of a page: files of its home alone, no network."""
    return Settings(home=folder, quickstart=False, offline=True, own_files_only=True)


# --- texts ---------------------------------------------------------------------------------------------------------------------


@cache
def recipes() -> list[str]:
    return [path.read_text("utf-8") for path in sorted(BUILT_IN.glob("*.yaml"))[:12]]


@cache
def links() -> list[str]:
    return [packed("quickstart", parse_recipe(text)) for text in recipes()[:4]]


def link(draw: random.Random) -> str:
    """A recipe in an address: its packed bytes, or the address itself, changed."""
    if draw.random() < 0.5:
        return text_of(links(), draw)
    import base64
    import zlib

    data = json.loads(zlib.decompress(base64.urlsafe_b64decode(draw.choice(links()).partition("~")[2] + "==")))
    text = json.dumps(value_of(data, draw))
    return "~" + base64.urlsafe_b64encode(zlib.compress(text.encode())).decode().rstrip("=")


TABLES = [
    b"text,label,split\n" + b"".join(b'"a b, %d",%s,train\n' % (n, (b"good", b"bad")[n % 2]) for n in range(30)),
    "text;label\nH\u00e9llo;ja\nwelt;nein\n".encode("cp1252") * 5,
    "text\tlabel\na\tb\n".encode("utf-16"),
]
LINES = [
    b'{"text": "a b", "label": 1}\n{"text": "c", "label": 0, "more": {"x": [1, 2]}}\n' * 10,
    b'[{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]',
]


# --- models --------------------------------------------------------------------------------------------------------------------


@cache
def graphs() -> list[bytes]:
    draw = np.random.default_rng(0)
    weights = {"w": draw.normal(size=(8, 6)).astype(np.float32), "b": np.arange(6, dtype=np.int8)}
    return [model_of(weights), model_with_inner_graph(weights["w"])]


def read_graph(data: bytes, folder: Path) -> None:
    """By the page at once, and by what packs it."""
    place = folder / "model.onnx"
    place.write_bytes(data)
    try:
        graph_figures(ModelRef.parse(f"onnx:{place}"), settings_in(folder))
    finally:
        list(weights_of(data))


@cache
def containers() -> list[bytes]:
    return [pack({"model.onnx": graph}).data for graph in graphs()]


def container(draw: random.Random) -> bytes:
    """Two of three with a checksum that is right again, so that what lies behind it is read too."""
    data = bytes_of(containers(), draw)
    return _sealed(data[HEAD:]) if draw.random() < 0.67 else data


@cache
def ggufs() -> list[bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        draw, place = np.random.default_rng(0), Path(folder, "x.gguf")
        facts = {"general.architecture": "llama", "general.alignment": 32, "llama.block_count": 1, "tokens": ["a", "b"]}
        tensors = {kind: (draw.normal(size=(2, 32)).astype(np.float32), kind) for kind in ("F32", "F16", "Q8_0", "Q4_0")}
        write_gguf(place, facts, tensors)
        return [place.read_bytes()]


def read_gguf(data: bytes, folder: Path) -> None:
    """Its facts and every tensor."""
    place = folder / "model.gguf"
    place.write_bytes(data)
    file = GgufFile(place)
    for name in file.stored:
        file.tensor(name)


CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
    "vocab_size": 20,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "id2label": {"0": "negative", "1": "positive"},
    "label2id": {"negative": 0, "positive": 1},
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "auto_map": {"AutoModel": "evil.Model"},
}
HEADER: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "classifier.weight": {"dtype": "F32", "shape": [2, 16], "data_offsets": [0, 128]},
    "classifier.bias": {"dtype": "F32", "shape": [2], "data_offsets": [128, 136]},
}
TOKENIZER: dict[str, Any] = {"version": "1.0", "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 1}}}


def checkpoint(draw: random.Random) -> dict[str, bytes]:
    """The files of a folder: one or all of them changed, as JSON or as bytes."""
    plain = {"config.json": CONFIG, "model.safetensors": HEADER, "tokenizer.json": TOKENIZER}
    chosen = draw.choice((*plain, "config.json"))
    changed = {name: json.dumps(value_of(one, draw) if name == chosen else one).encode() for name, one in plain.items()}
    if draw.random() < 0.2:
        changed[chosen] = bytes_of([changed[chosen]], draw)
    weights = changed["model.safetensors"]
    changed["model.safetensors"] = struct.pack("<Q", len(weights)) + weights + bytes(136)
    if draw.random() < 0.1:
        changed["model.safetensors"] = bytes_of([changed["model.safetensors"]], draw)
    return changed


def read_checkpoint(files: dict[str, bytes], folder: Path) -> None:
    """As the planner does when somebody names the folder as a teacher."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    text = next(task for task in TASKS.values() if task.modality == "text" and task.problem == "classification")
    resolve(ModelRef.parse(f"folder:{folder}"), text, settings_in(folder))


# --- media and archives --------------------------------------------------------------------------------------------------------


@cache
def pictures() -> list[bytes]:
    made, draw = [], np.random.default_rng(0)
    colours = draw.integers(0, 255, (12, 9, 3)).astype(np.uint8)
    for image, form in (
        (Image.fromarray(colours), "PNG"),
        (Image.fromarray(colours), "JPEG"),
        (Image.fromarray(colours), "WEBP"),
        (Image.fromarray(colours).convert("P"), "GIF"),
        (Image.fromarray(colours.astype(np.uint16)[..., 0] * 200), "PNG"),
    ):
        file = io.BytesIO()
        image.save(file, form)
        made.append(file.getvalue())
    return made


@cache
def picture_zips() -> list[bytes]:
    files = {f"{label}/{n}.png": pictures()[0] for label in ("cat", "../dog") for n in range(2)}
    return [zipped(files, zipfile.ZIP_STORED), zipped(files, zipfile.ZIP_DEFLATED)]


def read_picture_zip(data: bytes, folder: Path) -> None:
    """As Build's dialog looks a zip over before anything is kept."""
    place = folder / "pictures.zip"
    place.write_bytes(data)
    preview(OwnPath("own-pictures", str(place)), settings_in(folder))


ROWS: dict[str, Any] = {"steps": [{"name": "s"}], "measurements": [], "results": []}
BUNDLE: dict[str, Any] = {"format": 1, "machine": "x", "run": {"id": "a"}, **ROWS}


def bundle(draw: random.Random) -> bytes:
    if draw.random() < 0.5:
        return bytes_of([zipped({FACTS: json.dumps(BUNDLE).encode()}, zipfile.ZIP_DEFLATED)], draw)
    return zipped({FACTS: json.dumps(value_of(BUNDLE, draw)).encode()}, zipfile.ZIP_DEFLATED)


def read_run_bundle(data: bytes, folder: Path) -> None:
    place = folder / "run.zip"
    place.write_bytes(data)
    read_bundle(place)


WAVES = [wav_of((np.sin(np.arange(400)) * 9000).astype(np.int16))]
EVENTS = [b'{"time": 1.5, "kind": "loss", "step": "teach", "at": 0.5, "values": {"loss": 0.25}}\n' * 6]


def read_events(data: bytes, folder: Path) -> None:
    """What a page that follows a run reads of its file; torn lines are passed over."""
    (folder / "events.jsonl").write_bytes(data)
    EventLog(folder).read()


# --- requests ------------------------------------------------------------------------------------------------------------------

GIVEN: dict[str, Any] = {
    "recipe": "quickstart",
    "settings": {"distill.temperature": 4, "seed": 1},
    "values": {"seed": [0, 1]},
    "run": "abcd1234",
    "runs": ["abcd1234", "ef:student"],
    "name": "mine",
    "places": -1,
    "page": 1,
    "text": "digits",
    "state": "queued",
    "cursor": 0,
    "input": "test:1",
    "goal": "small",
    "task": "digits",
    "device": "auto",
}


def call(draw: random.Random) -> tuple[str, bytes]:
    """An action's name and the body of a request for it."""
    action = ACTIONS[draw.choice(sorted(ACTIONS))]
    values = {each.name: GIVEN[each.name] for each in action.parameters if each.name in GIVEN}
    body = json.dumps(value_of(values, draw)).encode()
    return action.name, bytes_of([body], draw) if draw.random() < 0.3 else body


@cache
def bench(folder: Path) -> Workbench:
    made = Workbench(settings_in(folder))
    made.keep_to_own_files()
    return made


def perform(asked: tuple[str, bytes], folder: Path) -> None:
    """Look the body over, and check its values; what only reads is done as well."""
    name, body = asked
    values = json_object(body)
    action = ACTIONS[name]
    store = bench(folder.parent)
    if action.effect == "reads" and name in ("list_runs", "watch", "results", "list_tasks", "list_recipes"):
        action.perform(store, values)
    else:
        action.checked(values)


PARSERS: dict[str, Parser] = {
    "recipe": Parser(lambda draw: text_of(recipes(), draw), lambda text, _: parse_recipe(text), 60),
    "link": Parser(link, lambda text, _: unpacked(text)),
    "table": Parser(lambda draw: bytes_of(TABLES, draw), lambda data, _: table_of("t.csv", data, {})),
    "json table": Parser(lambda draw: bytes_of(LINES, draw), lambda data, _: table_of("t.jsonl", data, {})),
    "parquet": Parser(
        lambda draw: bytes_of([(DATA / "reviews.parquet").read_bytes()], draw), lambda data, _: parquet_table("t.parquet", data)
    ),
    "checkpoint": Parser(checkpoint, read_checkpoint, 80),
    "kdz": Parser(container, lambda data, _: unpack(data)),
    "gguf": Parser(lambda draw: bytes_of(ggufs(), draw), read_gguf),
    "onnx": Parser(lambda draw: bytes_of(graphs(), draw), read_graph, 200),
    "picture": Parser(lambda draw: bytes_of(pictures(), draw), lambda data, _: eight_bits(read_picture(data))),
    "wav": Parser(lambda draw: bytes_of(WAVES, draw), lambda data, _: read_wav(data)),
    "picture zip": Parser(lambda draw: bytes_of(picture_zips(), draw), read_picture_zip, 100),
    "recorded run": Parser(bundle, read_run_bundle, 300),
    "events": Parser(lambda draw: bytes_of(EVENTS, draw), read_events, 200),
    "request": Parser(call, perform, 300),
    **{name: Parser(*parts) for name, parts in OWN_DATA.items()},
}

"""Packages of a classifier: several formats by one stage, each read back and delivered; what a task or a name does not allow."""

import json
import zipfile

import pytest

from kdui.core.deliverable import DELIVERABLES, endings
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.delivery.packages import deliver_package
from kdui.kdz.container import unpack
from kdui.methods.deliver.package.spec import PackageSpec
from tests.methods.taught import digits_recipe


def _recipe(**settings):
    plain = digits_recipe("distill", student="cnn-tiny", epochs=2)
    return {**plain, "stages": [*plain["stages"], {"quantize": {"bits": 8}}, {"package": {"test_examples": 50, **settings}}]}


def test_formats_are_found_by_their_folder_and_several_are_several_steps(bench):
    assert set(DELIVERABLES) == {"hf", "gguf", "genai", "onnx", "kdz"} and endings() == (".gguf", ".zip")
    names = {wanted: [step.name for step in bench.plan(_recipe(format=wanted)) if step.method == "package"] for wanted in
             ("auto", "onnx", "kdz, onnx", "all")}  # fmt: skip
    assert names == {
        "auto": ["package"],
        "onnx": ["package"],
        "kdz, onnx": ["package.kdz", "package.onnx"],
        "all": ["package.kdz", "package.onnx"],  # what the task has: nothing here generates text
    }
    assert PackageSpec(format="hf").chosen("hf") == {"format": "hf", "test_examples": 64}  # as steps were named before
    assert set(PackageSpec(format="gguf").chosen("gguf")) == {"format", "precision", "test_examples"}
    gives = frozenset({"continuations", "rows"})
    assert [each.name for each in PackageSpec().formats(gives)] == ["hf"]
    assert len(PackageSpec(format="all").formats(gives)) == len(DELIVERABLES)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("ggfu", r"There is no format called 'ggfu'\. Did you mean 'gguf'"),
        ("onnx, all", "There is no format called 'all'"),
        ("onnx, onnx", "each once"),
        (" , ", "name one or several of"),
        (
            "gguf",
            r"package needs texts that .* task of classification\. Leave its settings out: the usual ones fit, or choose",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(bench, wanted, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan(_recipe(format=wanted))


def test_a_classifier_is_packaged_in_two_formats_and_read_back(bench, tmp_path):
    run = bench.run(_recipe(format="onnx, kdz"))
    assert run.state is RunState.SUCCEEDED, run.error
    done = bench.store.runs.get(run.id)
    for name in ("package.onnx", "package.kdz"):
        delivered = deliver_package(bench.store.artifacts, done, name, tmp_path / f"{name}.zip")
        assert "as read back over 50 test examples" in delivered.words and "(+0.00 % against" in delivered.words
    graph = (bench.folder(run, "quantize") / "model.onnx").read_bytes()
    with zipfile.ZipFile(tmp_path / "package.onnx.zip") as archive:
        assert archive.read("model.onnx") == graph  # the newest one, in int8
        assert set(archive.namelist()) == {"model.onnx", "inputs.json", "kdui.json"}
        claims = json.loads(archive.read("kdui.json"))
    assert claims["metric"] == "accuracy" and claims["n"] == 50 and claims["low"] < claims["value"] < claims["high"]
    with zipfile.ZipFile(tmp_path / "package.kdz.zip") as archive:
        assert unpack(archive.read("model.kdz"))["model.onnx"] == graph

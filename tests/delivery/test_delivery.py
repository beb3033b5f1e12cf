"""Delivered files of a real run on the digits: what they say, that it holds, and what is noticed when it does not."""

import io

import onnx
import onnxruntime
import pytest

from kdui.core.artifact import FileRecord
from kdui.core.errors import ClaimsMissing, ContainerCorrupt, KduiError, UnknownName
from kdui.delivery.claims import Claims
from kdui.delivery.deliver import deliver
from kdui.delivery.stamp import read_stamp, record_of, stamp
from kdui.delivery.verify import verify
from kdui.kdz.container import unpack
from kdui.kdz.graph_bytes import weights_of
from kdui.serving.answers import Answers
from kdui.workbench import Workbench
from tests.engine.digits import Bench

RECIPE = {
    "task": "digits",
    "teacher": "cnn-small",
    "stages": [
        {"teach": {"epochs": 2, "learning_rate": 0.004}},
        {"encode": {"bits": 5}},
        {"measure": {"latency_runs": 20, "sweep": False}},
    ],
}
PATIENT = 20.0  # times slower: other tests work on the same machine meanwhile


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("delivery"))


@pytest.fixture(scope="module")
def detail(bench):
    run = bench.run(RECIPE)
    assert run.state == "succeeded", run.error
    return Workbench(bench.settings).run(run.id)


@pytest.fixture(scope="module")
def send(bench, detail, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sent")
    return lambda model, name: deliver(bench.store.artifacts, detail, model, folder / name, Answers(bench.settings).test_data)


@pytest.fixture(scope="module")
def sent(send):
    return send("", "digits.onnx")


def with_claims(sent, path, **changes):
    """The same model with other claims behind it."""
    taken = read_stamp(sent.path.read_bytes())
    path.write_bytes(bytes(taken.model) + stamp(taken.claims.model_copy(update=changes), taken.files))
    return path


def figures(claims: Claims, metric: str, **changes):
    return tuple(item.model_copy(update=changes) if item.metric == metric else item for item in claims.figures)


def verdicts(found) -> dict[str, str]:
    return {check.what.split(",")[0]: check.verdict for check in found.checks}


def test_the_file_is_the_model_with_its_claims_behind_it(bench, detail, sent):
    data = sent.path.read_bytes()
    result = next(item for item in detail.results if item.role == "compressed")
    own = (bench.store.artifacts.place(result.digest) / "model.onnx").read_bytes()
    assert data.startswith(own) and sent.model_bytes == len(own) < sent.bytes == len(data)
    session = onnxruntime.InferenceSession(data)
    claims = Claims.model_validate_json(session.get_modelmeta().custom_metadata_map["kdui.claims"])
    assert claims == sent.claims == read_stamp(data).claims
    onnx.checker.check_model(onnx.load(io.BytesIO(data)))
    assert (claims.recipe, claims.artifact) == (detail.run.recipe.digest, result.digest)
    assert (claims.data.task, claims.data.n, claims.timing.runs) == ("digits", 359, 20)
    accuracy, measured = claims.figure("accuracy"), result.measurements["accuracy"]
    assert (accuracy.value, accuracy.low, accuracy.high, accuracy.n) == (measured.value, measured.low, measured.high, 359)
    assert claims.device == claims.figure("latency_p50").device != "" and "onnxruntime" in claims.versions


def test_every_claim_holds_on_the_same_machine(bench, sent):
    found = verify(sent.path, bench.settings, tolerance=PATIENT)
    assert found.passed and verdicts(found) == {
        "weights and graph": "pass",
        "size of the ONNX file": "pass",
        "size of the packed file": "not checked",
        "Accuracy": "pass",
        "latency p50": "pass",
        "other figures": "not checked",
    }
    assert "macro f1" in found.checks[-1].note and "accuracy" not in found.checks[-1].note


def test_the_packed_form_decodes_to_the_same_file_and_verifies(bench, send, sent):
    packed = send("encode", "digits.kdz")
    assert unpack(packed.path.read_bytes())["model.onnx"] == sent.path.read_bytes()
    assert packed.model_bytes == sent.claims.figure("packed_bytes").value
    found = verify(packed.path, bench.settings, tolerance=PATIENT)
    assert found.passed and verdicts(found)["size of the packed file"] == "pass"
    (packed.path.parent / "short.kdz").write_bytes(packed.path.read_bytes()[:-3])
    with pytest.raises(ContainerCorrupt, match="should have"):
        verify(packed.path.parent / "short.kdz", bench.settings)


def test_a_model_without_an_encode_stage_is_packed_as_it_is(bench, send):
    packed, plain = send("teacher", "teacher.kdz"), send("teacher", "packed-teacher.onnx")
    inside = read_stamp(unpack(packed.path.read_bytes())["model.onnx"])
    assert bytes(inside.model) == bytes(read_stamp(plain.path.read_bytes()).model)
    assert packed.claims.figure("packed_bytes").value == packed.model_bytes < plain.model_bytes
    found = verdicts(verify(packed.path, bench.settings, tolerance=PATIENT))
    assert (found["size of the packed file"], found["Accuracy"]) == ("pass", "pass")


def test_changed_weights_fail(bench, sent, tmp_path):
    data = bytearray(sent.path.read_bytes())
    weight = max(weights_of(bytes(data)), key=lambda one: one.length)
    data[weight.offset : weight.offset + weight.length] = bytes(weight.length)
    (tmp_path / "changed.onnx").write_bytes(data)
    found = verify(tmp_path / "changed.onnx", bench.settings, tolerance=PATIENT)
    assert verdicts(found) == {
        "weights and graph": "fail",
        "size of the ONNX file": "pass",
        "size of the packed file": "not checked",
        "Accuracy": "fail",
        "latency p50": "pass",
        "other figures": "not checked",
    }


def test_a_graph_that_no_longer_runs_fails(bench, sent, tmp_path):
    data = sent.path.read_bytes()
    (tmp_path / "broken.onnx").write_bytes(data.replace(b"Conv", b"Cone"))
    found = verify(tmp_path / "broken.onnx", bench.settings)
    assert not found.passed and "no answer" in {check.found for check in found.checks}
    assert verdicts(found)["latency p50"] == "not checked"


@pytest.mark.parametrize(
    ("metric", "change", "check"),
    [
        ("accuracy", {"value": 99.9, "low": 99.0, "high": 100.0}, "Accuracy"),
        ("file_bytes", {"value": 1234.0}, "size of the ONNX file"),
        ("latency_p50", {"value": 1e-6}, "latency p50"),
    ],
)
def test_a_wrong_claim_fails_alone(bench, sent, tmp_path, metric, change, check):
    path = with_claims(sent, tmp_path / "wrong.onnx", figures=figures(sent.claims, metric, **change))
    found = verdicts(verify(path, bench.settings, tolerance=PATIENT))
    assert {name for name, verdict in found.items() if verdict == "fail"} == {check}


def test_half_a_point_too_much_fails_on_the_same_device_and_data_alone(bench, sent, tmp_path):
    claim = sent.claims.figure("accuracy")
    better = figures(sent.claims, "accuracy", value=claim.value + 0.5)
    path = with_claims(sent, tmp_path / "better.onnx", figures=better)
    assert verdicts(verify(path, bench.settings, tolerance=PATIENT))["Accuracy"] == "fail"
    other = sent.claims.data.model_copy(update={"sha256": "0" * 64})
    path = with_claims(sent, tmp_path / "other.onnx", figures=better, data=other)
    found = verify(path, bench.settings, tolerance=PATIENT)
    assert verdicts(found)["Accuracy"] == "pass"  # still inside the interval
    assert any("other test data" in check.note for check in found.checks)


def test_a_wide_interval_makes_no_wrong_figure_right(bench, sent, tmp_path):
    other = sent.claims.data.model_copy(update={"sha256": "0" * 64})
    wide = figures(sent.claims, "accuracy", value=99.9, low=0.0, high=100.0, device="elsewhere")
    path = with_claims(sent, tmp_path / "wide.onnx", figures=wide, data=other)
    (check,) = [check for check in verify(path, bench.settings, tolerance=PATIENT).checks if check.what.startswith("Accuracy")]
    assert check.verdict == "fail" and "the claim's interval over 359 examples" in check.note


def test_claims_that_were_taken_out_are_missed(bench, sent, tmp_path):
    kept = tuple(item for item in sent.claims.figures if item.metric == "accuracy")
    found = verify(with_claims(sent, tmp_path / "less.onnx", figures=kept), bench.settings)
    assert (found.code, verdicts(found)["size of the ONNX file"], verdicts(found)["latency p50"]) == (0, *["not checked"] * 2)
    none = verify(with_claims(sent, tmp_path / "none.onnx", figures=()), bench.settings)
    assert (none.code, none.passed, none.judged) == (2, False, False)


@pytest.mark.parametrize("timing", [{"runs": 0}, {"threads": 10**6}, {"threads": 0}])
def test_a_timing_that_nobody_can_repeat_is_refused(bench, sent, tmp_path, timing):
    path = with_claims(sent, tmp_path / "timing.onnx", timing=sent.claims.timing.model_copy(update=timing))
    with pytest.raises(ClaimsMissing, match="cannot be read"):
        verify(path, bench.settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "does not say how its inputs are prepared"),
        ({"height": 20_000, "width": 20_000, "channels": 1}, "more than verify tries"),
        ({"height": 8000, "width": 8000, "channels": 3}, "more than verify tries"),
    ],
)
def test_inputs_that_cannot_be_prepared_fail_in_words(bench, sent, tmp_path, settings, words):
    inputs = sent.claims.inputs.model_copy(update={"settings": settings})
    found = verify(with_claims(sent, tmp_path / "inputs.onnx", inputs=inputs), bench.settings)
    assert found.code == 1 and verdicts(found)["latency p50"] == "not checked"
    assert all(words in check.note for check in found.checks if check.what.startswith(("Accuracy", "latency")))


def test_a_task_of_another_kind_is_refused_in_words(bench, sent):
    with pytest.raises(KduiError, match=r"takes image examples, but .* is made of text ones"):
        verify(sent.path, bench.settings, task="sentiment")


def test_another_device_is_said_and_its_latency_not_judged(bench, sent, tmp_path):
    elsewhere = figures(sent.claims, "latency_p50", value=1e-6, device="a faster machine")
    found = verify(with_claims(sent, tmp_path / "elsewhere.onnx", figures=elsewhere), bench.settings)
    assert found.passed and verdicts(found)["latency p50"] == "other device"
    assert "a faster machine" in next(check.note for check in found.checks if check.what == "latency p50")


def test_a_task_may_be_named_and_must_exist(bench, sent):
    with pytest.raises(UnknownName, match="fashion-mnist"):
        verify(sent.path, bench.settings, task="fashion-mnst")
    assert verify(sent.path, bench.settings, task="digits", tolerance=PATIENT).passed


def test_input_files_travel_in_the_file_and_are_checked(sent):
    text = b'{"a tokenizer": "' + b"word " * 4000 + b'"}'
    model = bytes(read_stamp(sent.path.read_bytes()).model)
    claims = sent.claims.model_copy(update={"files": {"tokenizer.json": record_of(text)}})
    whole = model + stamp(claims, {"tokenizer.json": text})
    assert read_stamp(whole).files == {"tokenizer.json": text}
    assert len(whole) < len(sent.path.read_bytes()) + 1000
    with pytest.raises(ClaimsMissing, match="does not match its checksum"):
        read_stamp(model + stamp(claims, {"tokenizer.json": text + b" "}))
    with pytest.raises(ClaimsMissing, match="is not in this file"):
        read_stamp(model + stamp(claims, {}))
    for name, size in (("../escape.json", 4), ("large.json", 1 << 40)):
        hostile = sent.claims.model_copy(update={"files": {name: FileRecord(bytes=size, sha256="0" * 64)}})
        with pytest.raises(ClaimsMissing, match="is not in this file"):
            read_stamp(model + stamp(hostile, {name: b"data"}))


def test_files_without_claims_are_refused_in_words(bench, detail, sent, tmp_path):
    own = tmp_path / "own.onnx"
    own.write_bytes(bytes(read_stamp(sent.path.read_bytes()).model))
    with pytest.raises(ClaimsMissing, match="carries no claims"):
        verify(own, bench.settings)
    data = sent.path.read_bytes()
    own.write_bytes(data.replace(b'"figures"', b'"figured"'))
    with pytest.raises(ClaimsMissing, match="cannot be read"):
        verify(own, bench.settings)
    own.write_bytes(b"this is no model")
    with pytest.raises(ClaimsMissing, match="no ONNX file"):
        verify(own, bench.settings)
    with pytest.raises(KduiError, match="cannot be read"):
        verify(tmp_path / "nowhere.onnx", bench.settings)


def test_deliver_says_what_is_missing(bench, send, detail):
    with pytest.raises(UnknownName, match="Did you mean 'encode'"):
        send("encod", "encoded.onnx")
    with pytest.raises(KduiError, match="no measured model"):
        deliver(bench.store.artifacts, detail.model_copy(update={"results": ()}), "", detail, Answers(bench.settings).test_data)
    assert send("teacher", "teacher.onnx").claims.step == "teach"

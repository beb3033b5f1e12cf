"""Delivered files of a real run on the digits: what they say, that it holds, and what is noticed when it does not."""

import io
import json
import re

import onnx
import onnxruntime
import pytest
from pydantic import ValidationError

from kdui.core.artifact import FileRecord
from kdui.core.errors import ClaimsMissing, ContainerCorrupt, KduiError, UnknownName
from kdui.delivery.claims import Claim, Claims
from kdui.delivery.deliver import deliver
from kdui.delivery.stamp import read_stamp, record_of, stamp
from kdui.delivery.verify import verify
from kdui.kdz.container import unpack
from kdui.kdz.graph_bytes import weights_of
from kdui.serving.answers import Answers
from kdui.workbench.workbench import Workbench
from tests.engine.digits import Bench
from tests.runtime.hostile import endless, swelling

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


QUALITY = {
    **dict.fromkeys(("Accuracy", "Macro precision", "Macro recall", "Macro F1", "Top-5 accuracy"), "pass"),
    **dict.fromkeys(("ece", "ece scaled", "calibration temperature", "weights", "non-zero weights", "multiply-adds"), "pass"),
}


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
    report = verify(sent.path, bench.settings, tolerance=PATIENT)
    assert report.passed and verdicts(report) == {
        "weights and graph": "pass",
        "size of the ONNX file": "pass",
        "size of the packed file": "not checked",
        **QUALITY,
        "latency p50": "pass",
        "other figures": "not checked",
    }
    assert "speedup" in report.checks[-1].note and "accuracy" not in report.checks[-1].note
    assert report.code == 0 and "60 s an answer, 1800 s in all" in report.limits


def test_the_packed_form_decodes_to_the_same_file_and_verifies(bench, send, sent):
    packed = send("encode", "digits.kdz")
    assert unpack(packed.path.read_bytes())["model.onnx"] == sent.path.read_bytes()
    assert packed.model_bytes == sent.claims.figure("packed_bytes").value
    report = verify(packed.path, bench.settings, tolerance=PATIENT)
    assert report.passed and verdicts(report)["size of the packed file"] == "pass"
    (packed.path.parent / "short.kdz").write_bytes(packed.path.read_bytes()[:-3])
    with pytest.raises(ContainerCorrupt, match="should have"):
        verify(packed.path.parent / "short.kdz", bench.settings)


def test_a_model_without_an_encode_stage_is_packed_as_it_is(bench, send):
    packed, plain = send("teacher", "teacher.kdz"), send("teacher", "packed-teacher.onnx")
    inside = read_stamp(unpack(packed.path.read_bytes())["model.onnx"])
    assert bytes(inside.model) == bytes(read_stamp(plain.path.read_bytes()).model)
    assert packed.claims.figure("packed_bytes").value == packed.model_bytes < plain.model_bytes
    report = verdicts(verify(packed.path, bench.settings, tolerance=PATIENT))
    assert (report["size of the packed file"], report["Accuracy"]) == ("pass", "pass")


def test_changed_weights_fail(bench, sent, tmp_path):
    data = bytearray(sent.path.read_bytes())
    weight = max(weights_of(bytes(data)), key=lambda one: one.length)
    data[weight.offset : weight.offset + weight.length] = bytes(weight.length)
    (tmp_path / "changed.onnx").write_bytes(data)
    report = verify(tmp_path / "changed.onnx", bench.settings, tolerance=PATIENT)
    failed = {name for name, verdict in verdicts(report).items() if verdict == "fail"}
    assert {"weights and graph", "Accuracy", "Macro F1"} <= failed and report.code == 1
    assert {"size of the ONNX file", "multiply-adds", "latency p50"}.isdisjoint(failed)


def test_a_graph_that_no_longer_runs_fails(bench, sent, tmp_path):
    data = sent.path.read_bytes()
    (tmp_path / "broken.onnx").write_bytes(data.replace(b"Conv", b"Cone"))
    report = verify(tmp_path / "broken.onnx", bench.settings)
    assert not report.passed and "no answer" in {check.found for check in report.checks}
    assert verdicts(report)["latency p50"] == "not checked"


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
    report = verdicts(verify(path, bench.settings, tolerance=PATIENT))
    assert {name for name, verdict in report.items() if verdict == "fail"} == {check}


def test_half_a_point_too_much_fails_on_the_same_device_and_data_alone(bench, sent, tmp_path):
    claim = sent.claims.figure("accuracy")
    better = figures(sent.claims, "accuracy", value=claim.value + 0.5, low=None, high=None)
    path = with_claims(sent, tmp_path / "better.onnx", figures=better)
    assert verdicts(verify(path, bench.settings, tolerance=PATIENT))["Accuracy"] == "fail"
    other = sent.claims.data.model_copy(update={"sha256": "0" * 64})
    path = with_claims(sent, tmp_path / "other.onnx", figures=better, data=other)
    report = verify(path, bench.settings, tolerance=PATIENT)
    assert verdicts(report)["Accuracy"] == "not checked"  # inside the interval, which says nothing about these data
    assert report.code == 2 and any("other test data" in check.note for check in report.checks)


def test_a_wide_interval_makes_no_wrong_figure_right(bench, sent, tmp_path):
    other = sent.claims.data.model_copy(update={"sha256": "0" * 64})
    for low, high, words in ((0.0, 100.0, "not that of 359 examples"), (None, None, "what such a claim allows")):
        wide = figures(sent.claims, "accuracy", value=99.9, low=low, high=high, device="elsewhere")
        path = with_claims(sent, tmp_path / "wide.onnx", figures=wide, data=other)
        (check,) = [
            check for check in verify(path, bench.settings, tolerance=PATIENT).checks if check.what.startswith("Accuracy")
        ]
        assert check.verdict == "fail" and words in check.note


def test_claims_that_were_taken_out_are_missed(bench, sent, tmp_path):
    kept = tuple(item for item in sent.claims.figures if item.metric == "accuracy")
    report = verify(with_claims(sent, tmp_path / "less.onnx", figures=kept), bench.settings)
    assert (report.code, verdicts(report)["size of the ONNX file"], verdicts(report)["latency p50"]) == (0, *["not checked"] * 2)
    assert report.checks[-1].note == "the file does not claim: file bytes, latency p50, parameters, nonzero, macs"
    for name in ("none", "only its size"):
        kept = tuple(item for item in sent.claims.figures if item.metric == "file_bytes" and name != "none")
        report = verify(with_claims(sent, tmp_path / "none.onnx", figures=kept), bench.settings)
        assert (report.code, report.passed, report.judged) == (2, False, False) and "not verified" in report.words


def quality_alone(claims: Claims, **changes):
    """Accuracy and size alone are claimed, so that nothing is timed."""
    kept = tuple(item for item in claims.figures if item.metric in ("accuracy", "file_bytes"))
    return figures(claims.model_copy(update={"figures": kept}), "accuracy", **changes)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"value": 99.99, "unit": "points", "low": 0.0, "high": 100.0, "device": "elsewhere"}, 1, "claimed in 'points'"),
        ({"unit": "share"}, 1, "measured in '%'"),
        ({"value": 100.0, "low": 20.7, "high": 100.0, "n": 1}, 1, "at least 200 of this task are needed"),
        ({"value": 99.99, "low": None, "high": None, "n": 1, "device": "elsewhere"}, 1, "what such a claim allows"),
        ({"low": None, "high": None, "n": 1}, 2, "over 1 example"),
        ({"low": None, "high": None, "n": 199}, 2, "over 199 example"),
        ({"low": None, "high": None, "n": None}, 2, "an unknown number of"),
        ({"n": 100_000}, 1, "said to be 359"),
        ({"low": 0.0, "high": 100.0}, 1, "not that of 359 examples"),
        ({"low": 99.0, "high": 99.5}, 1, "does not hold the claimed value"),
        ({"low": None}, 1, "does not hold the claimed value"),
        ({"value": 1e9, "low": None, "high": None}, 1, "between 0 and 100"),
        ({"device": "elsewhere"}, 0, "other device: within 1 points"),
    ],
)
def test_the_file_does_not_choose_the_rule(bench, sent, tmp_path, change, code, words):
    path = with_claims(sent, tmp_path / "lie.onnx", figures=quality_alone(sent.claims, **change))
    report = verify(path, bench.settings)
    assert (report.code, words in next(check.note for check in report.checks if check.what.startswith("Accuracy"))) == (
        code,
        True,
    )


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null"])
def test_no_number_is_no_claim(value):
    text = '{"metric": "accuracy", "value": %s, "unit": "%%", "origin": "measured"}'
    assert Claim.model_validate_json(text % 5).value == 5
    with pytest.raises(ValidationError):
        Claim.model_validate_json(text % value)


def test_two_points_too_much_fail_whatever_device_is_claimed(bench, sent, tmp_path):
    claim = sent.claims.figure("accuracy")
    better = quality_alone(sent.claims, value=min(100.0, claim.value + 2), low=None, high=None, device="elsewhere")
    assert verify(with_claims(sent, tmp_path / "better.onnx", figures=better), bench.settings).code == 1


def test_other_words_of_a_lie(bench, sent, tmp_path):
    """Claims made twice, figures under other names, data that are fewer or others, another task."""
    claim = sent.claims.figure("accuracy")
    figures_of = {
        "twice": ((claim, claim.model_copy(update={"value": 100.0})), {}, 1, "twice|2 times"),
        "another name": ((claim.model_copy(update={"metric": "Accuracy"}),), {}, 2, "claims no such figure"),
        "few data": (
            (claim.model_copy(update={"n": 10, "low": None, "high": None}),),
            {"data": sent.claims.data.model_copy(update={"n": 10})},
            2,
            "at least 200",
        ),
        "another split": ((claim,), {"data": sent.claims.data.model_copy(update={"sha256": "1" * 64})}, 2, "other test data"),
        "another version": ((claim,), {"data": sent.claims.data.model_copy(update={"version": 77})}, 2, "other test data"),
    }
    for name, (claimed, more, code, words) in figures_of.items():
        report = verify(with_claims(sent, tmp_path / "lie.onnx", figures=claimed, **more), bench.settings)
        message = " ".join(f"{check.claimed} {check.note}" for check in report.checks)
        assert report.code == code and re.search(words, message), (name, message)
    other = sent.claims.data.model_copy(update={"task": "no-such-task"})
    with pytest.raises(UnknownName, match="no-such-task"):
        verify(with_claims(sent, tmp_path / "lie.onnx", data=other), bench.settings)


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("macro_f1", {"value": 99.9}),
        ("macro_f1", {"unit": "points"}),
        ("ece", {"value": 0.01}),
        ("nonzero", {"value": 10.0}),
        ("nonzero", {"value": 1600.0}),  # a little more than there is room for
        ("parameters", {"value": 1600.0}),
        ("nonzero", {"unit": "B"}),
        ("parameters", {"value": 100.0}),
        ("macs", {"value": 1000.0}),
        ("file_bytes", {"unit": "kB"}),
        ("packed_bytes", {"unit": "MB"}),
    ],
)
def test_each_kind_of_claim_has_a_rule(bench, sent, tmp_path, metric, change):
    kept = tuple(item for item in sent.claims.figures if item.metric in ("accuracy", metric))
    claims = sent.claims.model_copy(update={"figures": kept})
    report = verify(with_claims(sent, tmp_path / "lie.onnx", figures=figures(claims, metric, **change)), bench.settings)
    assert report.code == 1 and [check.verdict for check in report.checks].count("fail") == 1


def with_metadata(sent, path, key: str, value: str):
    """The same model with other words in its own metadata, and claims that fit the changed bytes."""
    taken = read_stamp(sent.path.read_bytes())
    model = onnx.load_from_string(bytes(taken.model))
    entry = next((each for each in model.metadata_props if each.key == key), None) or model.metadata_props.add()
    entry.key, entry.value = key, value
    own = model.SerializeToString()
    claimed = figures(sent.claims, "file_bytes", value=float(len(own)))
    kept = tuple(item for item in claimed if item.metric in ("accuracy", "file_bytes"))
    claims = taken.claims.model_copy(update={"model": record_of(own), "figures": kept})
    path.write_bytes(own + stamp(claims, taken.files))
    return path


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("kdui.labels", "not json", "labels cannot be read"),
        ("kdui.labels", "5", "labels cannot be read"),
        ("kdui.labels", "[" * 100_000, "labels cannot be read"),
        ("kdui.labels", json.dumps([str(digit) for digit in reversed(range(10))]), "in another order"),
        ("kdui.labels", json.dumps(["a", "b"]), "others"),
        ("kdui.task", "sentiment", "made for the task 'sentiment'"),
        ("kdui.inputs", json.dumps({"modality": "image", "settings": {"height": 9}}), "how inputs are prepared"),
        ("kdui.inputs", "7", "how inputs are prepared"),
        ("kdui.quantization", json.dumps({"scheme": "simulated"}), "simulated"),
    ],
)
def test_a_graph_that_contradicts_its_claims_fails(bench, sent, tmp_path, key, value, words):
    report = verify(with_metadata(sent, tmp_path / "lie.onnx", key, value), bench.settings, tolerance=PATIENT)
    assert report.code == 1 and any(words in check.note for check in report.checks if check.verdict == "fail")


def test_what_stands_behind_the_claims_is_not_overlooked(bench, sent, tmp_path):
    """Protobuf messages join: nodes, metadata or claims that were put behind would belong to the model that runs."""
    data = sent.path.read_bytes()
    extra = onnx.ModelProto()
    extra.graph.node.append(onnx.helper.make_node("Identity", ["pixels"], ["more"]))
    second = stamp(sent.claims, {})
    for behind in (extra.SerializeToString(), second):
        (tmp_path / "more.onnx").write_bytes(data + behind)
        with pytest.raises(ClaimsMissing, match="put behind the claims"):
            verify(tmp_path / "more.onnx", bench.settings)


@pytest.mark.parametrize("field", ["label", "device"])
def test_words_that_a_terminal_would_obey_are_refused(bench, sent, tmp_path, field):
    path = with_claims(sent, tmp_path / "escape.onnx", **{field: "\x1b]0;title\x07"})
    with pytest.raises(ClaimsMissing, match="1 fields are wrong"):
        verify(path, bench.settings)


@pytest.mark.parametrize(("graph", "words"), [(endless, "did not respond within 3 s"), (swelling, "more than 500 MB of memory")])
def test_a_hostile_graph_ends_as_a_sentence(bench, sent, tmp_path, graph, words):
    own = graph(tmp_path / "own.onnx").read_bytes()
    claims = sent.claims.model_copy(
        update={"model": record_of(own), "figures": figures(sent.claims, "file_bytes", value=len(own))}
    )
    (tmp_path / "hostile.onnx").write_bytes(own + stamp(claims, {}))
    settings = bench.settings.model_copy(update={"graph_answer_s": 3.0, "graph_memory_mb": 500})
    report = verify(tmp_path / "hostile.onnx", settings)
    assert report.code == 1 and "3 s an answer" in report.limits
    notes = {check.what.split(",")[0]: check.note for check in report.checks}
    assert words in notes["Accuracy"] and words in notes["latency p50"]
    assert "accuracy" not in notes["other figures"]


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
    report = verify(with_claims(sent, tmp_path / "inputs.onnx", inputs=inputs), bench.settings)
    assert report.code == 1 and verdicts(report)["latency p50"] == "not checked"
    assert all(words in check.note for check in report.checks if check.what.startswith(("Accuracy", "latency")))


def test_a_task_of_another_kind_is_refused_in_words(bench, sent):
    with pytest.raises(KduiError, match=r"takes image examples, but .* is made of text ones"):
        verify(sent.path, bench.settings, task="sentiment")


def test_another_device_is_reported_and_its_latency_not_judged(bench, sent, tmp_path):
    elsewhere = figures(sent.claims, "latency_p50", value=1e-6, low=None, high=None, device="a faster machine")
    report = verify(with_claims(sent, tmp_path / "elsewhere.onnx", figures=elsewhere), bench.settings)
    assert report.passed and verdicts(report)["latency p50"] == "other device"
    assert "a faster machine" in next(check.note for check in report.checks if check.what == "latency p50")


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
    with pytest.raises(KduiError, match="There is no file"):
        verify(tmp_path / "nowhere.onnx", bench.settings)


def test_deliver_states_what_is_missing(bench, send, detail, tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'encode'"):
        send("encod", "encoded.onnx")
    with pytest.raises(KduiError, match="no measured model"):
        unmeasured = detail.model_copy(update={"results": ()})
        deliver(bench.store.artifacts, unmeasured, "", tmp_path / "any.onnx", Answers(bench.settings).test_data)
    assert send("teacher", "teacher.onnx").claims.step == "teach"

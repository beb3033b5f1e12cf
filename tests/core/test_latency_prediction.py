"""Latency read off a device's profile: exact at what was timed, scaled beside it, checked on graphs that it did not see."""

import json
from datetime import UTC, datetime

import pytest

from kdui.core.device_profile import DeviceProfile, parse_profile, read_profile
from kdui.core.errors import RecipeError
from kdui.core.latency_prediction import Timed, Unpredictable, check, kernel_shape, kernel_us, leave_one_out, predict_ms


def point(kind, shape, us, precision="fp32"):
    return {"kind": kind, "precision": precision, "shape": shape, "us": us}


def profile(speed=1.0, **changes):
    """A device whose products take 1 µs and 1 µs for each 1,000 MACs beyond the smallest."""
    made = {
        "title": "A processor", "device": "cpu", "threads": 1, "cores": 4, "copy_gb_s": 10.0, "run_us": 5.0 * speed,
        "node_us": 1.0 * speed, "created": datetime(2026, 1, 1, tzinfo=UTC), "machine": "m",
        "points": [
            *(point("product", (size, size, 1), speed * (1 + size * size / 1000)) for size in (10, 100, 1000)),
            point("conv", (72, 512), 9.0 * speed), point("depthwise", (9, 512), 2.0 * speed), point("element", (512,), speed),
        ],
    }  # fmt: skip
    return DeviceProfile.model_validate({**made, **changes})


def kernel(op, macs, reads, makes, precision="fp32", **more):
    return {"op": op, "macs": macs, "reads": reads, "makes": makes, "precision": precision, "provider": "CPU", **more}


def product(inner, columns):
    return kernel("MatMul", inner * columns, [[1, inner]], [[1, columns]])


def test_kernels_are_told_apart_by_what_they_do():
    conv = kernel("Conv", 72 * 512, [[1, 8, 8, 8]], [[1, 8, 8, 8]])
    assert kernel_shape(conv) == ("conv", (72, 512))
    assert kernel_shape({**conv, "macs": 9 * 512, "groups": 8}) == ("depthwise", (9, 512))
    assert kernel_shape(kernel("Gemm", 64 * 32 * 10, [[32, 64]], [[32, 10]])) == ("product", (64, 10, 32))
    assert kernel_shape(kernel("LSTM", 64_000, [[16, 1, 8]], [[16, 2, 1, 8]])) == ("recurrent", (4000, 16))
    assert kernel_shape(kernel("Gather", 0, [[30_000, 64]], [[1, 16, 64]])) == ("move", (1024,))  # not the table's size
    assert kernel_shape(kernel("GlobalAveragePool", 0, [[1, 8, 8, 8]], [[1, 8, 1, 1]])) == ("reduce", (512,))
    assert kernel_shape(kernel("QuantizeLinear", 0, [[1, 512]], [[1, 512]], "conversion")) == ("convert", (512,))


def test_a_timed_operator_is_predicted_by_its_own_time_and_a_larger_one_by_its_work():
    assert kernel_us(profile(), product(100, 100)) == pytest.approx(11, rel=0.02)
    assert kernel_us(profile(), product(50, 50)) == pytest.approx(3.5, rel=0.02)  # between them: the fixed part does not scale
    one = predict_ms(profile(), [product(100, 100), product(100, 100)])
    assert one == pytest.approx(0.027, rel=0.02)
    assert predict_ms(profile(speed=3.0), [product(100, 100)] * 2) == pytest.approx(3 * one)
    assert predict_ms(profile(), [product(100, 100)] * 2, factor=0.5, node_us=2.0) == pytest.approx(one / 2 + 0.004)


def test_what_a_profile_lacks_is_said_and_never_guessed():
    with pytest.raises(Unpredictable, match="no timings of MatMul in int8"):
        kernel_us(profile(), {**product(64, 64), "precision": "int8"})
    old = {name: value for name, value in product(64, 64).items() if name not in ("reads", "makes")}
    with pytest.raises(Unpredictable, match="shapes of its kernels were not kept"):
        predict_ms(profile(), [old])


def graphs(factor, node_us, sizes=(10, 20, 60, 100, 300), depth=3):
    """Networks whose real latency follows the profile's sums by this factor and constant."""
    made = [[product(size, size)] * (1 + depth * place) for place, size in enumerate(sizes)]
    return [Timed(f"{len(each)}", each, predict_ms(profile(), each, factor, node_us)) for each in made]


def test_the_error_is_found_on_graphs_that_were_left_out():
    found = check(profile(), graphs(1.4, 0.7))
    assert (found.factor, found.node_us) == (pytest.approx(1.4), pytest.approx(0.7))
    assert found.graphs == 5 and found.most_error < 1e-6
    odd = [*graphs(1.4, 0.7), Timed("odd", [product(30, 30)] * 5, 1.0)]  # nothing like the others
    left = {each.label: each.error for each in leave_one_out(profile(), odd)}
    assert left["odd"] < -0.8  # it does not explain itself
    assert check(profile(), odd).median_error > found.median_error


def test_a_graph_with_other_weights_does_not_stand_for_the_one_left_out():
    four = graphs(1.0, 0.0)[:3]
    assert check(profile(), four * 5) is None  # fifteen readings of three graphs
    odd = [Timed("odd", [product(30, 30)] * 5, 1.0)] * 5
    assert next(each for each in leave_one_out(profile(), [*graphs(1.0, 0.0), *odd]) if each.label == "odd").error < -0.8


def test_a_profile_is_carried_as_a_file_and_named_by_what_it_says(tmp_path):
    path = tmp_path / "there.json"
    path.write_text(profile().model_dump_json(), encoding="utf-8")
    assert read_profile(path) == profile() and read_profile(path).name.startswith("a-processor-")
    assert profile(speed=2.0).name != profile().name
    assert profile(check=check(profile(), graphs(1.4, 0.7))).name == profile().name  # a check is no other device


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2", "is no device profile"),
        ("[" * 100_000, "is no device profile"),
        (json.dumps({"kdui_profile": 2}), "kdui_profile"),
        (profile().model_dump_json().replace('"run_us":5.0', '"run_us":-5.0'), "run_us"),
        (" " * 2_000_001, "too large"),
    ],
)
def test_any_other_file_is_refused_in_words(text, words):
    with pytest.raises(RecipeError, match=words) as refused:
        parse_profile(text, "x.json")
    assert "app.py profile" in str(refused.value)

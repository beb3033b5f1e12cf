"""How fast a graph generates: readings in turn in a process of its own, and the rates that they come to."""

import numpy as np
import pytest

from kdui.methods.deliver.measure.generation import STEPS, settings_of
from kdui.runtime.generation_speed import Prompt, Readings
from kdui.runtime.latency import measure_generation
from tests.runtime.next_token import summing_model

EMBEDDINGS = np.random.default_rng(0).normal(size=(11, 6)).astype(np.float32)


def test_rates_by_hand():
    message = Readings(
        prompt=Prompt(batch=4, length=50),
        prefill_ms=(100.0,) * 6,
        baseline_prefill_ms=(200.0,) * 6,
        decode_ms=(2.0,) * 6,
        baseline_decode_ms=(5.0,) * 4,  # a slow baseline has fewer readings
    )
    assert message.prefill == (2000.0, 2000.0, 2000.0)  # 4 texts of 50 tokens in a tenth of a second
    assert message.decode == (2000.0, 2000.0, 2000.0) and message.decode_speedup == (2.5, 2.5, 2.5)
    assert message.prompt.name == "batch4.tokens50"


def test_a_graph_with_a_cache_and_one_without_are_read_in_turn(tmp_path):
    graphs = [summing_model(tmp_path / f"{kind}.onnx", EMBEDDINGS, EMBEDDINGS.T, kind) for kind in (True, False)]
    prompts = [(Prompt(batch=batch, length=8), *2 * (np.ones((batch, 8), np.int64),)) for batch in (1, 2)]
    readings = measure_generation(*graphs, prompts, threads=1, steps=4)
    assert readings.cached and not readings.baseline_cached and [each.prompt.batch for each in readings.readings] == [1, 2]
    for each in readings.readings:
        for low, value, high in ((rate[1], rate[0], rate[2]) for rate in (each.prefill, each.decode, each.decode_speedup)):
            assert 0 < low <= value <= high
        assert min(map(len, (each.prefill_ms, each.baseline_prefill_ms, each.decode_ms, each.baseline_decode_ms))) >= 3


@pytest.mark.parametrize(
    ("longest", "expected"),
    [(1024, [(1, 64), (1, 16), (1, 256), (4, 64)]), (96, [(1, 64), (1, 16), (1, 80), (4, 64)]), (20, [(1, 4), (4, 4)])],
)
def test_prompts_leave_room_for_what_follows_them(longest, expected):
    assert [(each.batch, each.length) for each in settings_of(longest, 2000)] == expected
    assert all(each.length + STEPS <= longest for each in settings_of(longest))

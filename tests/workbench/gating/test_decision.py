"""The page to decide by, over runs whose models gave known answers."""

import pytest

from kdui.core.errors import KduiError
from kdui.workbench.decision import Decide, decision
from kdui.workbench.stakes import Inputs


def test_gain_loss_harm_and_certainty_stand_on_one_page(crafted):
    run = crafted.run(wrong={"quantize": range(17)}, quantize={"latency_p50": {"value": 0.05}})
    result = decision(crafted.bench, Decide(run=run, retain=94, inputs=Inputs(answers=36e6, price=0.1)))
    tiles = {tile.label: tile for tile in result.tiles}
    assert (result.title, result.badge) == ("The compressed instead of The teacher?", "ACCEPT")
    assert (tiles["Faster"].value, tiles["Faster"].tone) == ("18× ●", "gain")
    assert (tiles["Accuracy"].value, tiles["Accuracy"].tone) == ("−2.5 points ●", "loss")  # nine of 359 examples
    assert "95.3 % instead of 97.8 %, 97.4 % retained" in tiles["Accuracy"].detail
    paired = crafted.bench.paired(run, "measure.quantize", "measure.teach")
    assert f"{paired.examples} test examples" in result.lines[0] and "could not be detected" in result.lines[0]
    assert tiles["How sure: 95 % interval"].value == f"−{-paired.low:.1f} to −{-paired.high:.1f}"
    harm, units, devices = result.tables
    assert "labels lose recall" in harm.caption and harm.rows[0][2].startswith("−")
    assert units.rows[0][1:4] == ("1 € ○", "0.05 € ○", "0.95 € ○")
    assert all("○" in cell or cell == "–" for row in units.rows for cell in row[1:4])  # everything here is an estimate
    assert {row[0]: row[2] for row in devices.rows}["STM32F746NG"].startswith("✓ fits: ")
    assert all("○" in cell or cell == "–" for row in devices.rows for cell in row[1:3])


def test_a_slower_and_larger_model_is_no_gain(crafted):
    run = crafted.run(speed={"quantize": (0.4, 0.5, 0.6)}, size={"quantize": 2_000_000})
    result = decision(crafted.bench, Decide(run=run, faster=1, smaller=None, retain=None))
    tones = {tile.label: tile.tone for tile in result.tiles}
    assert tones["Slower: its speed is"] == "loss" and result.badge in ("REGRESSION", "INFEASIBLE")


def test_without_an_aim_or_a_teacher_the_reason_is_told(crafted):
    run = crafted.run()
    with pytest.raises(KduiError, match="Nothing to judge by"):
        decision(crafted.bench, Decide(run=run, retain=None, faster=None, smaller=None))
    with pytest.raises(KduiError, match="There is no run"):
        decision(crafted.bench, Decide(run="gone"))

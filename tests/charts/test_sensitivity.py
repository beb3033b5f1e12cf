"""The heat map of layers: its title says which one breaks first, and at what."""

import pytest

from kdui.charts.sensitivity import breaking_point, sensitivity_figure, sensitivity_frame, sensitivity_title, strength_text

FOUND = {
    "layers": [{"title": "features.0", "rows": 4, "columns": 9}, {"title": "head", "rows": 2, "columns": 16}],
    "methods": {
        "quantize": {
            "strengths": [8, 4, 2],
            "drop": [[0.0, 1.5, 40.0], [0.2, 3.25, 8.0]],
            "kl": [[0.0, 0.01, 1.0], [0.0, 0.02, 0.4]],
        },
        "prune": {"strengths": [0.3, 0.9], "drop": [[-0.5, 0.5], [0.0, 0.9]], "kl": [[0.0, 0.01], [0.0, 0.2]]},
    },
}


@pytest.fixture
def frame():
    return sensitivity_frame(FOUND)


def test_every_layer_method_and_strength_has_a_row(frame):
    assert len(frame) == 2 * 3 + 2 * 2
    assert frame[frame["layer"] == "head"]["weights"].unique().tolist() == [32]


def test_the_first_to_break_does_so_at_the_mildest_strength_not_at_the_largest_loss(frame):
    rows = frame[frame["method"] == "quantize"]
    first = breaking_point(rows, "drop")
    assert (first["layer"], first["strength"]) == ("head", 4)
    assert sensitivity_title(rows, "quantize", "drop", "points") == "head is most sensitive: 3.2 points lost with 4 bits"
    assert sensitivity_title(rows, "quantize", "kl", "points").startswith(
        "features.0 is most sensitive: 1.00 nats lost with 2 bits"
    )


def test_nothing_breaks_is_reported_too(frame):
    title = sensitivity_title(frame[frame["method"] == "prune"], "prune", "drop", "points")
    assert title == "No single layer loses more than 1 point, even with 90 % of its weights removed"


def test_the_figure_has_a_cell_for_each_layer_and_strength_with_units(frame):
    figure = sensitivity_figure(frame, method="quantize", quantity="drop", about="Digits · CNN", n=179, error="misses 1.0")
    heat = figure.data[0]
    assert [list(row) for row in heat.z] == FOUND["methods"]["quantize"]["drop"]
    assert list(heat.text[0]) == ["0.0", "+1.5", "+40.0"]
    assert "32 weights" in heat.customdata[1][0]
    assert figure.layout.xaxis.title.text.startswith("bit-width, bits")
    assert list(figure.layout.yaxis.ticktext) == ["features.0", "head"]
    assert figure.layout.title.subtitle.text == (
        "Digits · CNN · ● 179 validation examples · one layer at a time, without fine-tuning · misses 1.0"
    )


def test_strengths_read_as_a_person_writes_them():
    assert (strength_text("quantize", 3.0), strength_text("prune", 0.9), strength_text("low_rank", 0.25)) == ("3", "90 %", "25 %")

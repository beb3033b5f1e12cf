"""Each kind of answer has one renderer, and what a model says reaches the page escaped."""

from typing import get_args

import pytest
from pydantic import ValidationError

from kdui.core.answers import AnswerPart, Ranked, Text, Token, read_parts
from kdui.ui.answers import renderer

MARKUP = "<script>alert('x')</script>"


def test_every_kind_has_its_renderer():
    union, _ = get_args(AnswerPart)
    for kind in get_args(union):
        result = renderer(kind.model_construct())
        assert callable(result.html) and callable(result.summary)


def test_ranked_labels_are_three_bars_and_the_best_of_each_task():
    rows = [("7", 0.91, ""), ("1", 0.06, ""), (MARKUP, 0.003, ""), ("4", 0.001, "")]
    (part,) = read_parts([{"kind": "ranked", "rows": [{"label": a, "probability": p, "part": b} for a, p, b in rows]}])
    html = renderer(part).html(part, "student")
    assert html.count('class="prob"') == 3 and "91 %" in html and "&lt; 1 %" in html and "bar-fill student" in html
    assert "<script" not in html and renderer(part).summary(part) == ("7",)
    both = Ranked.model_validate({"rows": [{"label": x, "probability": 0.5, "part": y} for x, y in ("ab", "cd", "eb")]})
    assert renderer(both).summary(both) == ("a", "c")


def test_text_marks_the_tokens_that_a_reference_would_not_have_chosen():
    part = Text(tokens=(Token(text="<b>", probability=0.5, reference=0.25, agrees=False), Token(text=" it", agrees=True)))
    html = renderer(part).html(part, "compressed")
    assert part.text == "<b> it" and "<b>" not in html and "&lt;b&gt;" in html
    assert html.count("token apart") == 1 and 'title="probability 50 % · reference 25 %"' in html
    assert "Ended" not in html and "stop text" in renderer(part).html(part.model_copy(update={"ended": "stop"}), "student")


@pytest.mark.parametrize("item", [{"kind": "ranked", "rows": []}, {"kind": "sculpture"}, {"kind": "text", "tokens": "x"}])
def test_an_unknown_part_is_refused(item):
    with pytest.raises(ValidationError):
        read_parts([item])

"""Lessons: every file is whole, its terms are in the glossary, its change fits a task, its data name their command."""

import json
import re
from pathlib import Path

import kmeans1d
import numpy as np
import pytest

from kdui.bench.lessons.__main__ import RECORDERS
from kdui.catalogue import lessons as catalogue
from kdui.catalogue.languages import languages
from kdui.catalogue.lessons import DATA, Lesson, glossary, lesson, lesson_data, lessons
from kdui.catalogue.recipe_files import read_recipe
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.statistics.intervals import mean_interval
from kdui.kdz.streams import HUFFMAN, entropy_bits, plan_stream
from kdui.settings import Settings
from kdui.ui.learn import trial_recipe
from kdui.ui.lesson_text import inline, paragraphs

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "coding.json").read_text("utf-8"))


@pytest.mark.parametrize("name", lessons())
def test_a_lesson_is_whole(name):
    result = lesson(name)
    assert set(result.terms) <= set(glossary())
    assert 150 <= len(" ".join(result.texts).split()) <= 700  # three to six minutes with a picture
    recipe = trial_recipe(result, read_recipe("quickstart", Settings.from_environment({})))
    assert recipe.name == result.title and recipe.stages[-1].name == "measure"
    if result.data:
        assert lesson_data(result)["command"] == f"python -m kdui.bench.lessons {result.data}"
    assert (result.data is None) == (result.origin == "computed")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", lessons())
def test_a_lesson_says_the_same_in_every_language(name, language):
    english, other = lesson(name), lesson(name, language)
    assert set(other.terms) == set(english.terms) and len(other.tries) == len(english.tries)
    assert len(other.question.choices) == len(english.question.choices) and other.title != english.title
    for pattern in (r"`.+?`", r"\d[\d.,]*\d"):  # commands, and numbers of more than one digit
        assert _values(pattern, other) == _values(pattern, english)


def _values(pattern: str, given: Lesson) -> set[str]:
    return set(re.findall(pattern, " ".join([*given.texts, *given.question.choices])))


@pytest.mark.parametrize("language", languages())
def test_the_glossary_has_every_term_in_every_language(language):
    assert list(glossary(language)) == list(glossary())
    assert all(each.words != glossary()[term].words for term, each in glossary(language).items())


def test_lessons_are_numbered_once_and_every_recording_is_shown():
    numbers = [each.number for each in lessons().values()]
    assert numbers == sorted(set(numbers))
    shown = {each.data for each in lessons().values()} - {None}
    assert shown == {path.stem for path in DATA.glob("*.json")} == set(RECORDERS)


def test_a_file_that_cannot_be_used_is_named(tmp_path, monkeypatch):
    (tmp_path / "half.yaml").write_text("number: 1\ntitle: Half a lesson\n", encoding="utf-8")
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    with pytest.raises(RecipeError, match=r"half\.yaml cannot be used: idea"):
        catalogue.lessons.__wrapped__()
    with pytest.raises(UnknownName, match="lesson"):
        lesson("nothing")


def test_texts_are_escaped_and_marked():
    assert inline("a < **b** `c` [[d|e]]") == (
        'a &lt; <b>b</b> <code>c</code> <button type="button" class="term" data-term="e" aria-expanded="false">d</button>'
    )
    assert paragraphs("one\nline\n\ntwo") == "<p>one line</p><p>two</p>"


def test_the_program_computes_what_the_pictures_compute():
    for values, count, wanted in VECTORS["centroids"]:
        result = kmeans1d.cluster(values, min(count, len(set(values)))).centroids
        assert sorted(set(result)) == pytest.approx(wanted, abs=1e-8)
    for counts, bits, entropy in VECTORS["huffman"]:
        many = np.array(counts) * 1000  # a stream of few symbols is packed, because its table would take more
        plan = plan_stream(many)
        if plan.mode == HUFFMAN:
            assert sum(len(plan.codes[symbol]) * int(count) for symbol, count in enumerate(many)) == 1000 * bits
        assert entropy_bits(np.array(counts)) == pytest.approx(entropy, abs=1e-8)
    for values, half in VECTORS["intervals"]:
        assert mean_interval(values)[1] == pytest.approx(half, abs=1e-5)

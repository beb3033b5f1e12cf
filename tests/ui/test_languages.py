"""The catalogues of the page's texts hold what the sources say, and nothing else."""

import json
import re
from collections import Counter

import pytest

from kdui.bench import messages as module
from kdui.bench.message_errors import raised_texts
from kdui.catalogue.languages import FOLDER, catalogue, languages

HOLES = re.compile(r"%\{[a-zA-Z][^}]*\}|\{\d+\}|</?\d+>")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return module.messages()


def test_chinese_is_there():
    assert languages() == ("zh",) and len(catalogue("zh")) > 1500 and not catalogue("..")


@pytest.mark.parametrize("code", languages())
def test_every_text_of_the_sources_has_its_translation(code, sources):
    missing = [f"{path}: {text}" for text, path in sources.items() if text not in catalogue(code)]
    assert not missing, f"add these to assets/languages/{code}:\n" + "\n".join(missing)


@pytest.mark.parametrize("code", languages())
def test_values_and_marks_are_those_of_the_english_text(code):
    differing = [text for text, words in catalogue(code).items() if Counter(HOLES.findall(text)) != Counter(HOLES.findall(words))]
    assert not differing


@pytest.mark.parametrize("code", languages())
def test_a_text_stands_once_and_is_translated(code):
    texts = [text for path in (FOLDER / code).glob("*.json") for text in json.loads(path.read_text(encoding="utf-8"))]
    assert len(texts) == len(set(texts))
    names = json.loads((FOLDER / code / "names.json").read_text(encoding="utf-8"))
    english = [text for text, words in catalogue(code).items() if text not in names and not CHINESE.search(words)]
    assert all(len(re.findall("[A-Za-z]{2,}", HOLES.sub("", text))) <= 2 for text in english), english


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('f"<p>{n} of <b>{all}</b> done</p>"', "{0} of <0>{1}</0> done"),
        ('f"{n} of {all} steps cached"', "{0} of {1} steps cached"),
        ('"<span>One</span><span>Two &amp; three</span>"', "Two & three"),
    ],
)
def test_texts_are_read_off_python(source, text):
    assert text in [message for part in module._python_texts(f"x = {source}") for message in module._of_text(part)]


def test_texts_are_read_off_modules():
    source = "const a = html`<p>Up to ${b ? `Keep ${c} models` : 'none'} at once</p>`; // no text"
    found = [message for part in module._script_texts(source) for message in module._of_text(part)]
    assert found == ["Up to {0} at once", "Keep {0} models"]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('raise RecipeError(f"There is no file {path}.")', ["There is no file {0}."]),
        ('raise KduiError(f"It takes {a}, but " + b + ". Choose another.")', ["It takes {0}, but {1}. Choose another."]),
        ("raise KduiError(f\"It {'is far too long' if a else b}.\")", ["is far too long"]),
        ('raise UnknownName("recipe", name, known) from None', ["recipe"]),
        ('raise KeyError("kdui.task")', []),
    ],
)
def test_texts_are_read_off_errors(source, texts):
    assert [module.numbered(text) for text in raised_texts(source)] == texts

"""The documents: generated pages are current, everything is described, links lead somewhere, every dependency has its reason."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
import yaml

from app import app
from kdui.bench.documents import DOCS, documents
from kdui.catalogue.methods import METHODS, stage_spec
from kdui.catalogue.models import FAMILIES
from kdui.catalogue.recipe_files import validated
from kdui.catalogue.studies import read_study, study_names
from kdui.catalogue.tasks import TASKS
from kdui.cli.reference import commands_below, used
from kdui.settings import VARIABLES, Settings
from tests.test_architecture import LAYERS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "assets").rglob("*.md"), *(ROOT / "kdui").rglob("*.md")])
MOST_README_LINES = 150


def test_generated_pages_are_current():
    made = documents()
    stale = [str(path.relative_to(ROOT)) for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    left = [
        str(path)
        for folder in {path.parent for path in made if DOCS in path.parents}
        for path in folder.glob("*")
        if path not in made
    ]
    assert (stale, left) == ([], []), "run python -m kdui.bench.documents"


def test_every_setting_and_option_is_described():
    silent = [
        f"{name}.{knob}"
        for name, method in METHODS.items()
        for knob, field in method.spec.model_fields.items()
        if used(field) and not (field.title and field.description)
    ]
    silent += [
        f"{name}?{option}"
        for name, family in FAMILIES.items()
        for option, field in family.options.model_fields.items()
        if not field.description
    ]
    silent += [variable for field, variable in VARIABLES.items() if not Settings.model_fields[field].description]
    for name, command in typer.main.get_command(app).commands.items():
        silent += [name] if not command.help else []
        silent += [f"{name} {each.name}" for each in command.params if each.name != "help" and not each.help]
    assert silent == []


def test_every_task_model_method_and_study_is_described():
    presets = [(preset.name, preset) for family in FAMILIES.values() for preset in family.presets]
    silent = [name for name, facts in [*TASKS.items(), *METHODS.items(), *presets] if not (facts.title and facts.summary)]
    silent += [name for name in study_names() if not ((study := read_study(name)).question and study.limits and study.summary)]
    assert silent == []


def test_the_reference_holds_what_there_is():
    text = {
        page: (DOCS / "reference" / f"{page}.md").read_text("utf-8")
        for page in ("tasks", "models", "methods", "knobs", "commands", "settings")
    }
    assert all(f"## {name}\n" in text["tasks"] for name in TASKS)
    assert all(f"| `{preset.name}` |" in text["models"] for family in FAMILIES.values() for preset in family.presets)
    assert all(f"### {name}\n" in text["methods"] for name in METHODS)
    knobs = {knob for method in METHODS.values() for knob, field in method.spec.model_fields.items() if used(field)}
    assert [knob for knob in knobs if f"| `{knob}` |" not in text["knobs"] + text["methods"]] == []
    assert all(f"## {name}\n" in text["commands"] for name in commands_below(typer.main.get_command(app)))
    assert all(f"| `{variable}` |" in text["settings"] for variable in VARIABLES.values())


def links(text: str) -> list[str]:
    """Targets of the links and pictures of a page, code left out."""
    plain = re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return re.findall(r"\]\(([^)\s]+)\)", plain)


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make, as code hosts build them."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head)).strip().lower().replace(" ", "-") for head in heads
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    dead = []
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        lives = target.exists() and ROOT in target.parents
        if not lives or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            dead.append(link)
    assert dead == []


def test_links_and_anchors_are_found():
    text = "# One `two`: 3\n[a](b.md#c) `[x](y)` ![p](q.png)\n```\n# no\n[n](m)\n```\n## Über [all](x.md)"
    assert links(text) == ["b.md#c", "q.png", "x.md"]
    assert anchors(text) == {"one-two-3", "über-all"}


def test_commands_in_the_documents_exist():
    commands = commands_below(typer.main.get_command(app))
    wrong = []
    for page in PAGES:
        for line in re.findall(r"python app\.py ([^`\n#;]*)", page.read_text("utf-8")):
            words = [word.strip(".,;:)") for word in line.split()]
            name = next((word for word in words if re.fullmatch("[a-z]+", word)), "")
            if line.startswith("-") or not name or words[0] != name:
                continue  # the page itself, or prose
            name = name if name in commands else " ".join(words[:2])  # a group's command
            options = {option for each in getattr(commands.get(name), "params", []) for option in each.opts} | {"--help"}
            if name not in commands or not {word.partition("=")[0] for word in words if word.startswith("--")} <= options:
                wrong.append(f"{page.name}: python app.py {line}")
    assert wrong == []


def check(recipe: dict[str, Any], place: str) -> None:
    """Raises RecipeError where a recipe or the settings of one of its stages cannot be used."""
    for stage in validated(recipe, place).stages:
        stage_spec(stage)


def test_recipes_in_the_documents_are_valid():
    result = [
        (page.name, text)
        for page in PAGES
        for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        if re.search("^task:", text, re.M) and "stripes" not in text  # that one's task is of the page that tells to add it
    ]
    assert {name for name, _ in result} >= {"recipes.md", "compress-my-own-model.md"}
    for name, text in result:
        check(yaml.safe_load(text), name)


def test_single_stages_in_the_documents_are_valid():
    text = (DOCS / "recipes.md").read_text("utf-8") + (DOCS / "compress-my-own-model.md").read_text("utf-8")
    stages = re.findall(r"(?:^  - |`)([a-z_]+: \{[^}]*\})", text, re.M)
    assert len(stages) >= 10
    for stage in stages:
        check({"task": "digits", "teacher": "cnn-medium", "stages": [yaml.safe_load(stage)]}, stage)


def test_the_architecture_page_names_the_tested_layers():
    block = re.search(r"^```text\n(core\n.*?)^```", (DOCS / "architecture.md").read_text("utf-8"), re.M | re.S)
    assert block and block[1].splitlines() == [", ".join(layer).replace("SPECS", "every spec.py") for layer in LAYERS]


def test_the_readme_is_short():
    assert (ROOT / "README.md").read_text("utf-8").count("\n") <= MOST_README_LINES


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-independent.txt"])
def test_every_dependency_is_pinned_and_states_why_it_is_there(name):
    lines = [line for line in (ROOT / name).read_text("utf-8").splitlines() if line and not line.startswith(("#", "-r "))]
    assert lines and [line for line in lines if not re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+  # \S.{3,}", line)] == []

"""The rules of the page's modules, read off their text; `make lint` checks their types."""

import json
import re
from pathlib import Path

import pytest

from kdui.catalogue.lessons import lessons
from kdui.ui.input_widget import INPUTS
from kdui.ui.page import head, modules_in_order

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "assets" / "modules"
MODULES = {str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.js")}
CODE = {name: re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", text, flags=re.S) for name, text in MODULES.items()}


def test_types_are_checked_strictly_and_everywhere():
    options = json.loads((ROOT / "jsconfig.json").read_text(encoding="utf-8"))
    assert options["compilerOptions"]["checkJs"] and options["compilerOptions"]["strict"]
    assert set(options["include"]) == {"assets/modules/**/*.js", "assets/globals.d.ts"}
    assert not list((ROOT / "assets").glob("*.js"))  # every script is a module
    assert not [name for name, text in MODULES.items() if re.search(r"@ts-(?:nocheck|ignore|expect-error)", text)]


def test_the_window_holds_one_name_of_the_page():
    assert re.findall(r"window\.(\w+)\s*=", head()) == ["kdui"]
    written = {name: re.findall(r"(?:window|globalThis)\.\w+\s*=(?!=)", text) for name, text in CODE.items()}
    assert not any(written.values()), written
    assert not [name for name, text in CODE.items() if re.search(r"\bkdui\.", text)]  # modules import one another


def test_every_module_is_preloaded_after_what_the_page_needs_before_anything_can_be_pressed():
    order = modules_in_order()
    assert set(order) == {name for name in MODULES if "/" not in name}
    assert list(order.values()) == sorted(order.values(), reverse=True)
    needed = {name for name, first in order.items() if first}
    assert {"build.js", "controls.js", "html.js", "language.js"} <= needed and "compare.js" not in needed
    for name in needed:
        assert set(re.findall(r'from "\./(\w+\.js)"', CODE[name])) <= needed, name
    assert head().index("/build.js") < head().index('/compare.js" fetchpriority="low"')


@pytest.mark.parametrize("name", sorted(MODULES))
def test_markup_is_made_by_the_escaping_template_alone(name):
    assert not re.findall(r"(?<!html)`\s*<[a-z]", CODE[name])
    assert not re.findall(r"""["']<(?!br>)[a-z]+[ >]""", CODE[name])  # <br> is Plotly's way to break a label
    assert name == "html.js" or not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", CODE[name])


def test_every_module_is_used():
    python = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "kdui" / "ui").glob("*.py"))
    named = {f"{panel}.js" for panel in re.findall(r'create_panel\(\s*"(\w+)"', python)} | set(
        re.findall(r"(\w+\.js)['\"]", python)
    )
    figures = {f"lessons/{each.figure}.js" for each in lessons().values()}
    inputs = {f"inputs/{name}.js" for name in INPUTS}
    imported = {
        str((FOLDER / name).parent.joinpath(other).resolve().relative_to(FOLDER))
        for name, text in CODE.items()
        for other in re.findall(r'(?:from |import\()"(\.[./\w]+\.js)"', text)
    }
    assert set(MODULES) == named & set(MODULES) | imported | figures | inputs

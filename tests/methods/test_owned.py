"""A method owns what is particular to it: no module outside ``kdui/methods`` names one, and a new method needs no other file."""

import ast
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdui.catalogue.methods import METHODS, plain_methods, trains_student
from kdui.core.counts import Counts
from kdui.core.method import Group, Place
from kdui.core.recipe import Recipe
from kdui.ui.diagrams import DRAWINGS, picture_of

ROOT = Path(__file__).parents[2] / "kdui"
# Words that are methods' names and something else as well. These lists may only get shorter.
WORDS = {"assistant": "a role of a model in a run"}
# Module -> names that it may hold, because there they are no methods.
ELSEWHERE = {
    "core/method.py": {"teach", "distill"},  # groups, named as their folders are
    "kdz/tensors.py": {"codebook"},  # a coding of the container
}
RECIPES = "bench"  # each bench holds recipes of its own, as the YAML files do
# Module -> methods whose modules it imports: what these methods do is also done outside a run.
OF_ONE_METHOD = {
    "charts/sensitivity.py": {"sensitivity"},  # the chart of its report
    "delivery/verify.py": {"measure"},  # measures again what a file claims
    "serving/what_if_probes.py": {"sensitivity"},  # What-if measures with it in the serving process
    "workbench/what_if.py": {"sensitivity"},
}


def outside() -> dict[str, ast.Module]:
    paths = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in ("methods", RECIPES)]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def named(tree: ast.Module) -> set[str]:
    """The methods that a module's strings name."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in set(METHODS)} - set(WORDS)


def imported(tree: ast.Module) -> set[str]:
    """The methods whose modules it imports."""
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {parts[3] for name in names if (parts := name.split("."))[:2] == ["kdui", "methods"] and len(parts) > 3}


def test_no_other_module_names_a_method():
    by_name = {module: names for module, tree in outside().items() if (names := named(tree))}
    assert {module: names for module, names in by_name.items() if not names <= ELSEWHERE.get(module, set())} == {}
    assert {module: names for module, names in ELSEWHERE.items() if names != by_name.get(module)} == {}, "take it out of the list"


def test_no_other_module_imports_a_method_but_those_that_do_its_work_outside_a_run():
    assert {module: names for module, tree in outside().items() if (names := imported(tree))} == OF_ONE_METHOD


def test_the_search_sees_names_and_imports():
    assert named(ast.parse("if stage.method == 'prune': stage = 'assistant'")) == {"prune"}
    assert imported(ast.parse("import kdui.methods.teach.teach.spec\nfrom kdui.methods.distill.dkd import losses")) == {
        "teach",
        "dkd",
    }


def test_facts_of_methods_hold_together():
    assert [method.name for method in plain_methods()] == ["teach", "distill", "quantize", "export", "measure"]
    assert len({method.order for method in plain_methods()}) == len(plain_methods())
    for method in METHODS.values():
        assert trains_student(method) == (method.group is Group.DISTILL and method.order is Place.STUDENT)
        assert not method.flow or method.group is Group.DISTILL
        assert picture_of(method) in DRAWINGS
    groups = [method.group for method in sorted(METHODS.values(), key=lambda method: method.order)]
    assert groups[0] is Group.TEACH and groups[-1] is Group.DELIVER


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS.optional(name, "estimate")])
def test_an_estimate_changes_counts_and_warns_in_sentences(name):
    module, settings = METHODS.module(name, "estimate"), METHODS[name].spec().model_dump()
    offered = {"counted", "warnings", "seconds"} & set(vars(module))
    assert offered, "an estimate.py without any of the three says nothing"
    if "counted" in offered:
        plain = Counts(parameters=1e6, macs=1e7)
        changed = module.counted(plain, settings)
        assert changed.download <= plain.download and changed.parameters <= plain.parameters
    if "warnings" in offered:
        warnings = module.warnings(settings, Recipe.model_validate({"task": "digits", "teacher": "cnn-small", "stages": [name]}))
        assert all(text.endswith(".") for text in warnings)


def test_estimates_import_no_machine_learning():
    program = """
import json, sys
from kdui.catalogue.methods import METHODS
found = [METHODS.optional(name, "estimate") for name in METHODS]
print(json.dumps([sum(module is not None for module in found), sorted({name.split(".")[0] for name in sys.modules})]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, check=True, timeout=120
    )
    count, loaded = json.loads(done.stdout)
    assert count >= 8
    assert not {"torch", "transformers", "onnxruntime", "onnx", "sklearn", "torch_pruning", "numpy"} & set(loaded)


def test_every_folder_with_a_spec_is_a_method_of_its_group():
    folders = {path.parent.name: path.parent.parent.name for path in (ROOT / "methods").glob("*/*/spec.py")}
    assert folders == {name: str(method.group) for name, method in METHODS.items() if name in folders}
    assert {item.name for item in pkgutil.iter_modules([str(ROOT / "methods")])} == {str(group) for group in Group}

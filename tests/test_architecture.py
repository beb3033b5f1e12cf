"""The layers of the design, read off the imports: a rule without a test decays."""

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "transformers", "onnxruntime", "onnx", "sklearn", "torch_pruning", "openvino"}

# From the ground up; a module imports from its own line or from those above. A folder's ``spec.py`` stands with the facts.
LAYERS = [
    ["core"],
    ["settings", "machine", "proxies", "unforeseen"],
    ["SPECS"],
    ["kdz"],
    ["store", "catalogue"],
    ["modalities", "problems", "tasks"],
    ["models"],
    ["training", "runtime"],
    ["methods"],
    ["engine"],
    ["worker"],
    ["launch"],
    ["serving"],
    ["charts", "delivery"],
    ["workbench"],
    ["actions"],
    ["ui", "client"],
    ["cli", "bench", "app"],
]
# What answers at once, on a machine without PyTorch as well: no library of machine learning when it is imported.
LIGHT = [
    *("core", "settings", "machine", "proxies", "unforeseen", "SPECS", "kdz", "catalogue", "store", "launch"),
    *("charts", "workbench", "actions", "ui", "client", "cli", "app"),
    *("serving.client", "delivery.claims", "delivery.stamp", "delivery.deliver"),
]


class Import(NamedTuple):
    """One import statement: who, what, and whether it runs when the module is imported."""

    module: str
    imported: str
    at_start: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, Path]:
    result = [ROOT / "app.py", *(ROOT / "kdui").rglob("*.py")]
    return {module_name(path): path for path in result if path.exists()}


SOURCES = sources()


def imports_of(module: str) -> Iterator[Import]:
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))

    def walk(node: ast.AST, at_start: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                yield from walk(child, False)
            elif isinstance(child, ast.Import):
                yield from (Import(module, alias.name, at_start) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                for alias in child.names:
                    below = f"{child.module}.{alias.name}"
                    yield Import(module, below if below in SOURCES else child.module, at_start)
            else:
                inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                yield from walk(child, at_start and not inside)

    yield from walk(tree, True)


@functools.cache
def all_imports() -> list[Import]:
    """Read once, and only by a test process that runs these tests: every process collects them."""
    return [item for module in SOURCES for item in imports_of(module)]


def folder(module: str) -> str:
    """What stands for a module in the lists above: SPECS, or the first part of its name below ``kdui``."""
    parts = module.split(".")
    docstring_alone = SOURCES[module].name == "__init__.py" and parts[1:2] in (["tasks"], ["models"], ["methods"])
    if module == "kdui" or docstring_alone or parts[-1] == "spec" or module.startswith("kdui.tasks.examples"):
        return "core" if module == "kdui" else "SPECS"
    return parts[1] if parts[0] == "kdui" else parts[0]


def layer(module: str) -> int:
    """How high a module lies."""
    for number, folders in enumerate(LAYERS):
        if folder(module) in folders:
            return number
    raise AssertionError(f"{module} belongs to no layer: put its folder into LAYERS")


def is_light(module: str) -> bool:
    return folder(module) in LIGHT or module.removeprefix("kdui.") in LIGHT


def test_the_parser_sees_what_is_there():
    assert Import("kdui.worker", "kdui.engine.pipeline", False) in all_imports()
    assert Import("kdui.store.runs", "kdui.store.tables", True) in all_imports()
    assert Import("kdui.core.contracts", "torch", False) in all_imports()  # for type checking only
    upwards = [
        "kdui.core.plan",
        "kdui.models.cnn.spec",
        "kdui.store.runs",
        "kdui.models.cnn.build",
        "kdui.training.loop",
        "kdui.methods.distill.distill.apply",
        "kdui.engine.pipeline",
        "kdui.workbench.workbench",
        "kdui.ui.page",
    ]
    assert [layer(module) for module in upwards] == sorted({layer(module) for module in upwards})


def test_imports_go_down():
    upward = [
        f"{item.module} -> {item.imported}"
        for item in all_imports()
        if item.imported in SOURCES and layer(item.imported) > layer(item.module)
    ]
    assert upward == []


def test_no_modules_import_each_other():
    """Not in a circle either, nor inside functions."""
    imported: dict[str, set[str]] = {module: set() for module in SOURCES}
    for item in all_imports():
        if item.imported in SOURCES and item.imported != item.module:
            imported[item.module].add(item.imported)
    done: set[str] = set()
    while ready := {module for module in imported if module not in done and imported[module] <= done}:
        done |= ready
    waiting = {module for module in imported if module not in done}
    while free := {module for module in waiting if not any(module in imported[other] for other in waiting - {module})}:
        waiting -= free  # it only imports from a circle
    assert waiting == set()


def test_core_stands_on_pydantic_and_the_standard_library():
    foreign = {
        (item.module, item.imported)
        for item in all_imports()
        if item.module.startswith("kdui.core")
        and item.imported.split(".")[0] not in sys.stdlib_module_names
        and not item.imported.startswith(("kdui.core", "pydantic"))
    }
    assert {name for _, name in foreign} <= {"torch", "numpy"}
    assert [item for item in all_imports() if item[:2] in foreign and item.at_start] == []


def test_page_and_engine_never_meet():
    apart = {
        "ui": "engine|training|runtime|store|launch|models|methods|tasks|serving|worker",
        "engine": "ui|workbench|charts|serving",
        "charts": "ui|store|engine|workbench",
        "store": "launch|ui|engine",
    }
    for one, others in apart.items():
        met = [
            item
            for item in all_imports()
            if re.match(rf"kdui\.{one}\b", item.module) and re.match(rf"kdui\.({others})\b", item.imported)
        ]
        assert met == []


def test_light_layers_import_nothing_heavy_at_the_start():
    heavy = [
        f"{item.module} -> {item.imported}"
        for item in all_imports()
        if item.at_start and item.imported.split(".")[0] in HEAVY and is_light(item.module)
    ]
    assert heavy == []


@pytest.mark.parametrize(
    "modules",
    [
        ["kdui.ui.page", "kdui.workbench.workbench"],
        ["app"],
        ["kdui.modalities.image.prepare", "kdui.modalities.text.prepare"],
        ["kdui.launch.dispatcher", "kdui.catalogue.planner"],
        ["kdui.tasks.digits.load", "kdui.problems.classification.problem"],
    ],
)
def test_a_fresh_interpreter_stays_light(modules):
    program = "; ".join(
        [
            f"import {', '.join(['sys', 'json', *modules])}",
            "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))",
        ]
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert modules[0].split(".")[0] in loaded
    assert loaded & HEAVY == set()


def test_facts_are_found_beside_what_does_the_work():
    siblings = (("tasks", "load", 4), ("models", "build", 4), ("methods/*", "apply", 4), ("runtime/runners", "opening", 2))
    for kind, sibling, least in siblings:
        folders = [path.parent for path in (ROOT / "kdui").glob(f"{kind}/*/spec.py")]
        assert len(folders) >= least
        assert [folder for folder in folders if not (folder / f"{sibling}.py").exists()] == []


def test_files_state_what_they_are_about_and_are_not_too_long():
    vague = [module for module in SOURCES if re.search(r"\b(utils?|helpers?|common|misc)$", module)]
    assert vague == []
    for module, path in SOURCES.items():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), f"{module} has no docstring"
        assert text.count("\n") <= 380, f"{module} has {text.count(chr(10))} lines: split it by concept"


def test_nothing_is_pickled():
    loads = [item for item in all_imports() if item.imported.split(".")[0] in ("pickle", "dill", "cloudpickle", "joblib")]
    assert loads == []
    for module, path in SOURCES.items():
        text = path.read_text(encoding="utf-8")
        assert "torch.load(" not in text and "torch.save(" not in text, module
        assert "allow_pickle=True" not in text, module

"""The layers of the design, read off the imports: a rule without a test decays."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "transformers", "onnxruntime", "onnx", "sklearn", "torch_pruning"}

# From the ground up. A module belongs to the first layer that fits, and imports from its own or from those below.
LAYERS = {
    "ground": r"kdui|kdui\.core\b.*",
    "place": r"kdui\.(settings|unforeseen|proxies|launch)|kdui\.launch\.machine",
    "facts": r"kdui\.(tasks|models|methods)|.*\.(spec|files)|kdui\.methods\.(\w+_knobs|planned_students)|kdui\.tasks\.examples",
    "containers": r"kdui\.kdz\b.*",
    "store and catalogue": r"kdui\.(store|catalogue)\b.*",
    "inputs and objectives": r"kdui\.(inputs|objectives|tasks)\b.*",
    "models": r"kdui\.models\b.*",
    "training and runtime": r"kdui\.(training|runtime)\b.*",
    "methods": r"kdui\.methods\b.*",
    "engine": r"kdui\.engine\b.*",
    "worker": r"kdui\.worker",
    "launch": r"kdui\.launch\b.*",
    "serving": r"kdui\.serving\b.*",
    "what the page asks for": (
        r"kdui\.(charts|delivery|estimating|evidence|lens_data|points|presenting|run_names|running_now|what_if)\b.*"
    ),
    "workbench": r"kdui\.workbench",
    "page": r"kdui\.ui\b.*",
    "commands": r"kdui\.(serve|terminal|plain_terminal|output_file|doctor|listing|studying|verdicts|gating|bench)\b.*|app",
}
# Its own command counts the sizes of all presets anew; the page reads the file that it wrote.
ALLOWED = {("kdui.catalogue.sizes", "kdui.models.building")}

LIGHT = re.compile(
    r"app|kdui\.(core|settings|catalogue|store|launch|charts|ui|workbench|serve|terminal|plain_terminal|output_file|doctor|listing|studying|verdicts|gating)\b.*"
    r"|kdui\.(points|presenting|run_names|running_now|estimating|evidence|lens_data|what_if|unforeseen|proxies)\b.*|kdui\.serving\.client|.*\.(spec|files)|kdui\.methods\.(\w+_knobs|planned_students)"
    r"|kdui\.kdz\b.*|kdui\.delivery(\.(claims|stamp|deliver))?"
)


class Import(NamedTuple):
    """One import statement: who, what, and whether it runs when the module is imported."""

    module: str
    imported: str
    at_start: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, Path]:
    found = [ROOT / "app.py", *(ROOT / "kdui").rglob("*.py")]
    return {module_name(path): path for path in found if path.exists()}


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


IMPORTS = [item for module in SOURCES for item in imports_of(module)]


def layer(module: str) -> int:
    """How high a module lies. The ``__init__`` of a folder of facts holds a docstring alone."""
    if SOURCES[module].name == "__init__.py" and re.match(r"kdui\.(tasks|models|methods)\b", module):
        return list(LAYERS).index("facts")
    for number, pattern in enumerate(LAYERS.values()):
        if re.fullmatch(pattern, module):
            return number
    raise AssertionError(f"{module} belongs to no layer: put it into LAYERS")


def test_the_parser_sees_what_is_there():
    assert Import("kdui.worker", "kdui.engine.pipeline", False) in IMPORTS
    assert Import("kdui.store.runs", "kdui.store.tables", True) in IMPORTS
    assert Import("kdui.core.contracts", "torch", False) in IMPORTS  # for type checking only
    upwards = [
        "kdui.core.plan",
        "kdui.models.cnn.spec",
        "kdui.store.runs",
        "kdui.models.cnn.build",
        "kdui.training.loop",
        "kdui.methods.distill.apply",
        "kdui.engine.pipeline",
        "kdui.workbench",
        "kdui.ui.page",
    ]
    assert [layer(module) for module in upwards] == sorted({layer(module) for module in upwards})


def test_imports_go_down():
    upward = [
        f"{item.module} -> {item.imported}"
        for item in IMPORTS
        if item.imported in SOURCES and layer(item.imported) > layer(item.module) and item[:2] not in ALLOWED
    ]
    assert upward == []


def test_core_stands_on_pydantic_and_the_standard_library():
    foreign = {
        (item.module, item.imported)
        for item in IMPORTS
        if item.module.startswith("kdui.core")
        and item.imported.split(".")[0] not in sys.stdlib_module_names
        and not item.imported.startswith(("kdui.core", "pydantic"))
    }
    assert {name for _, name in foreign} <= {"torch", "numpy"}
    assert [item for item in IMPORTS if item[:2] in foreign and item.at_start] == []


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
            for item in IMPORTS
            if re.match(rf"kdui\.{one}\b", item.module) and re.match(rf"kdui\.({others})\b", item.imported)
        ]
        assert met == []


def test_light_layers_import_nothing_heavy_at_the_start():
    heavy = [
        f"{item.module} -> {item.imported}"
        for item in IMPORTS
        if item.at_start and item.imported.split(".")[0] in HEAVY and LIGHT.fullmatch(item.module)
    ]
    assert heavy == []


@pytest.mark.parametrize(
    "modules",
    [
        ["kdui.ui.page", "kdui.workbench"],
        ["app"],
        ["kdui.inputs.image", "kdui.inputs.text"],
        ["kdui.launch.dispatcher", "kdui.catalogue.planner"],
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
    for kind, sibling in (("tasks", "load"), ("models", "build"), ("methods", "apply")):
        folders = [path.parent for path in (ROOT / "kdui" / kind).glob("*/spec.py")]
        assert len(folders) >= 4
        assert [folder for folder in folders if not (folder / f"{sibling}.py").exists()] == []


def test_files_say_what_they_are_about_and_are_not_too_long():
    vague = [module for module in SOURCES if re.search(r"\b(utils?|helpers?|common|misc)$", module)]
    assert vague == []
    for module, path in SOURCES.items():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), f"{module} has no docstring"
        assert text.count("\n") <= 380, f"{module} has {text.count(chr(10))} lines: split it by concept"


def test_nothing_is_pickled():
    loads = [item for item in IMPORTS if item.imported.split(".")[0] in ("pickle", "dill", "cloudpickle", "joblib")]
    assert loads == []
    for module, path in SOURCES.items():
        text = path.read_text(encoding="utf-8")
        assert "torch.load(" not in text and "torch.save(" not in text, module
        assert "allow_pickle=True" not in text, module

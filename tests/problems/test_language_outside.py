"""Which files outside the folders and modules of language models name them: at most eight, and the list only gets shorter."""

import re
from pathlib import Path

KDUI = Path(__file__).parents[2] / "kdui"
NAMED = re.compile(r"\bkdui\.models\.causal(?:_lm)?\b|\bkdui\.problems\.language_model\b|\bLANGUAGE_MODEL\b|\"language-model\"")
# Folders, and modules that registries find, which are about nothing else.
OWN = (
    *("problems/language_model/", "models/causal.py", "models/causal_lm/", "models/continuation.py", "tasks/"),
    *("charts/evidence/language.py", "methods/deliver/measure/kinds/language.py", "methods/distill/on_policy/"),
    *("methods/deliver/export/cached.py", "methods/deliver/package/formats/gguf/", "methods/deliver/package/formats/hf/"),
    *("methods/deliver/package/folders.py", "methods/deliver/package/read_back.py"),  # of those formats
    *("models/huggingface/causal_checks.py", "training/packing.py", "training/writing.py"),
)
OUTSIDE = {
    "catalogue/checkpoint_family.py",  # a folder or Hub id is a classifier or a language model by its task
    "catalogue/models.py",
    "catalogue/pairs.py",  # which students suit which teachers
    "models/huggingface/build.py",
    "models/huggingface/reading.py",
    "models/huggingface/spec.py",
    "models/remote/spec.py",
    "problems/seq2seq/problem.py",  # its decoder's tokens are learned and scored as a language model's
}


def test_files_that_name_language_models_are_as_recorded_and_at_most_eight():
    names = {path.relative_to(KDUI).as_posix(): path for path in sorted(KDUI.rglob("*.py"))}
    found = {name for name, path in names.items() if NAMED.search(path.read_text(encoding="utf-8")) and not name.startswith(OWN)}
    assert found == OUTSIDE, "put what joined behind a seam, and take out what left"
    assert len(OUTSIDE) <= 8
    assert all(any(name.startswith(own) for name in names) for own in OWN)

"""Places outside problems, modalities and tasks that still name a label list, softmax or a modality: the list only gets shorter.

``named_outside.json`` holds how often each file does. A file that does it more often, or for the first time, belongs behind a
seam (``core.contracts``: Problem, Modality); one that does it less often has its number lowered.
"""

import json
import re
from pathlib import Path

KDUI = Path(__file__).parents[2] / "kdui"
RECORDED = Path(__file__).with_name("named_outside.json")
WORDS = {"labels": r"\.labels\b", "softmax": r"\bsoftmax\b", "modality": r"\.modality\b"}
BEHIND = ("problems/", "modalities/", "tasks/", "ui/input")  # the last takes inputs of modalities in Compare


def counted() -> dict[str, dict[str, int]]:
    result = {}
    for path in sorted(KDUI.rglob("*.py")):
        name, text = path.relative_to(KDUI).as_posix(), path.read_text(encoding="utf-8")
        words = {word: len(re.findall(pattern, text)) for word, pattern in WORDS.items()}
        if any(words.values()) and not name.startswith(BEHIND):
            result[name] = {word: count for word, count in words.items() if count}
    return result


def test_the_list_is_as_recorded_and_never_longer():
    now, before = counted(), json.loads(RECORDED.read_text(encoding="utf-8"))
    more = {
        f"{name}: {word} {count}, recorded {before.get(name, {}).get(word, 0)}"
        for name, words in now.items()
        for word, count in words.items()
        if count > before.get(name, {}).get(word, 0)
    }
    assert not more, "put these behind Problem or Modality"
    fewer = {
        f"{name}: {word} {now.get(name, {}).get(word, 0)}, recorded {count}"
        for name, words in before.items()
        for word, count in words.items()
        if count > now.get(name, {}).get(word, 0)
    }
    assert not fewer, f"lower the numbers in {RECORDED.name}"


def test_the_words_are_found_where_they_stand():
    assert counted()["methods/distill/distill/apply.py"]["labels"] > 0
    assert not any(name.startswith(BEHIND) for name in counted())

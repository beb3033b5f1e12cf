"""What remote models answered, kept outside of runs: a question is asked once, whichever run asks it, also after an interruption.

One file a kind of question, named by the digest of server, model and wording; a line a text, which is named by its sha256.
"""

import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from kdui.core.plain import digest

FOLDER = "answers"  # in KDUI_HOME


class KeptAnswers:
    """Answers by text. Lines are appended whole, so several runs may write; one that broke off is passed over."""

    def __init__(self, home: Path, asked: Any):
        """``asked``: all that the answers depend on beside the text, as plain data."""
        self._path = home / FOLDER / f"{digest(asked)}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._answers: dict[str, Any] = {}
        whole = self._path.read_text(encoding="utf-8", errors="replace") if self._path.exists() else ""
        for line in whole.splitlines():
            try:
                key, answer = json.loads(line)
            except (ValueError, TypeError):
                continue
            self._answers[key] = answer
        self._file: TextIO = self._path.open("a", encoding="utf-8")
        if whole and not whole.endswith("\n"):
            self._file.write("\n")

    def __enter__(self) -> "KeptAnswers":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def __contains__(self, text: object) -> bool:
        return name_of(str(text)) in self._answers

    def __getitem__(self, text: str) -> Any:
        return self._answers[name_of(text)]

    def add(self, text: str, answer: Any) -> None:
        """Keep the answer to a text: plain data."""
        self._answers[name_of(text)] = answer
        self._file.write(json.dumps([name_of(text), answer]) + "\n")
        self._file.flush()


def name_of(text: str) -> str:
    """What names a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

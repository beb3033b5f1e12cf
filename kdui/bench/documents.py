"""``python -m kdui.bench.documents`` writes all pages that are made from facts and recorded results; a test finds stale ones."""

from pathlib import Path

from kdui.bench import study_pages
from kdui.bench.results_page import PAGE, judge_again, results_page
from kdui.cli import reference

DOCS = Path(__file__).parents[2] / "docs"


def documents() -> dict[Path, str]:
    """Path -> text of every generated page."""
    return {
        PAGE: results_page(),
        **{DOCS / "reference" / name: text for name, text in reference.pages().items()},
        **{DOCS / "studies" / name: text for name, text in study_pages.pages().items()},
    }


def write() -> None:
    """Write them; pages of what is gone are removed."""
    judge_again()
    made = documents()
    for folder in {path.parent for path in made if DOCS in path.parents}:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.md"):
            if path not in made:
                path.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()

"""Tables of a data set on the Hugging Face Hub: files alone, never a script; bounded while they come, kept with their commit."""

from pathlib import Path
from urllib.parse import quote

from kdui.catalogue.fetch import fetch, receipt
from kdui.catalogue.source_attempt import Report
from kdui.core.errors import RecipeError, SourceError
from kdui.core.source import HubTables, Resource
from kdui.settings import Settings

MOST_BYTES = 256 << 20
CONVERTED = "refs/convert/parquet"  # a branch that the Hub itself makes of most data sets
TABLES = ("parquet", "csv", "tsv", "jsonl")


def fetch_tables(repo: str, revision: str, config: str, settings: Settings, report: Report | None = None) -> tuple[Path, str]:
    """The folder with the tables of a data set, or of one of its configurations, and the commit that they are of.

    Raises SourceError in words: no network, no such repository or revision, access not granted, no tables in it.
    """
    if any(not part or part.startswith(".") for part in [*repo.split("/"), revision]) or (
        config and config.startswith((".", "/"))
    ):
        raise RecipeError(f"'{repo[:80]}' is no name of a data set. Write own-texts:hub:OWNER/NAME.")
    patterns = tuple(f"{config}/*.{ending}" if config else f"*.{ending}" for ending in TABLES)
    name = quote("--".join(part for part in ("hub-tables", *repo.split("/"), revision, config) if part), safe="")
    source = HubTables(repo=repo, revision=revision, patterns=patterns)
    resource = Resource(name=name, title=repo, licence="see its page on the hub", sources=(source,))

    def bounded(text: str, done: int, total: int | None) -> None:
        if max(done, total or 0) > MOST_BYTES:
            raise RecipeError(
                f"The tables of {repo} have {max(done, total or 0) / 1e6:,.0f} MB; at most {MOST_BYTES >> 20} MB are taken. Name "
                "one of its configurations, config=NAME, or download a part and name that file."
            )
        if report is not None:
            report(text, done, total)

    try:
        folder = fetch(resource, settings, bounded)
    except SourceError as error:
        if "holds no tables" in str(error) and revision != CONVERTED:
            raise SourceError(f"{error} The Hub keeps a converted copy of most data sets: revision={CONVERTED}.") from error
        raise
    kept = receipt(folder, resource)
    return folder, kept.commit if kept else ""

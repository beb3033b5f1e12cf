"""Commands that keep the store: ``gc`` frees what nobody needs, ``backup`` saves it in one file, ``restore`` brings it back."""

from collections import Counter
from pathlib import Path
from typing import Annotated, cast

import typer

from kdui.catalogue.recipe_files import named_artifacts
from kdui.cli import terminal
from kdui.cli.output_file import require_writable
from kdui.settings import Settings
from kdui.store.backup import write_backup
from kdui.store.restore import restore_backup
from kdui.store.store import Store
from kdui.store.waste import LOG_DAYS, Waste, free, waste

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program's."""
    for command in (gc, backup, restore):
        app.command()(command)


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; nothing does.")] = False,
    log_days: Annotated[float, typer.Option(min=0, help="Logs of runs that ended so many days ago are old.")] = LOG_DAYS,
    as_json: Json = False,
) -> None:
    """Free disk space: artifacts that no run or recipe names, half-written ones, old logs. Runs and their results stay."""
    settings = Settings.from_environment()
    store = Store(settings)
    items = waste(store, named_artifacts(settings), log_days)
    gone = items if dry_run else free(items)
    if as_json:
        rows = [{"kind": item.kind, "name": item.name, "bytes": item.bytes} for item in gone]
        terminal.print_json({"dry_run": dry_run, "bytes": total(gone), "items": rows})
        return
    terminal.print_rows(by_kind(gone))
    print(f"{'Would free' if dry_run else 'Freed'} {written(total(gone))}.")
    if len(gone) < len(items):
        print(f"{len(items) - len(gone)} stay: somebody began to use them meanwhile, or they cannot be removed.")


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, outside of KDUI_HOME.")],
    as_json: Json = False,
) -> None:
    """Save the store in one file while it is used: runs, results, artifacts, logs, recipes, presentations, own data."""
    settings = Settings.from_environment()
    place = cast(Path, require_writable(file))
    listing = write_backup(Store(settings), place, named_artifacts(settings))
    if as_json:
        facts = {"file": str(place), "bytes": place.stat().st_size}
        terminal.print_json({**facts, **listing.model_dump(mode="json", exclude={"files"})})
        return
    print(*listing.left_out, sep="\n", end="\n" if listing.left_out else "")
    size = written(place.stat().st_size)
    print(f"{place}: {listing.runs} runs, {listing.artifacts} artifacts, {size}. Fetched data are left out.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'backup' wrote.")],
    as_json: Json = False,
) -> None:
    """Bring a backup back into an empty KDUI_HOME; every file is checked, and nothing is overwritten."""
    settings = Settings.from_environment()
    found = restore_backup(settings, file.expanduser())
    facts = {"home": str(settings.home), "bytes": found.bytes, "continuing": found.continuing}
    if as_json:
        terminal.print_json({**found.listing.model_dump(mode="json", exclude={"files"}), **facts})
        return
    going_on = f" {found.continuing} of them go on from their last checkpoint when kdui runs." if found.continuing else ""
    print(f"{settings.home}: {found.listing.runs} runs, {found.listing.artifacts} artifacts, {written(found.bytes)}.{going_on}")


def by_kind(items: list[Waste]) -> list[dict[str, str]]:
    """A row for each kind with its number and size."""
    counts, sizes = Counter(item.kind for item in items), Counter[str]()
    for item in items:
        sizes[item.kind] += item.bytes
    return [{"what": kind, "number": str(count), "size": written(sizes[kind])} for kind, count in counts.items()]


def total(items: list[Waste]) -> int:
    return sum(item.bytes for item in items)


def written(size: int) -> str:
    """A number of bytes for a person."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"

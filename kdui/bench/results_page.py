"""The recorded results as one page of Markdown, so that no figure of it is copied by hand.

``python -m kdui.bench.documents`` recomputes the verdicts of the recorded tables by their values of each seed
(``kdui.cli.verdicts``), writes them and ``assets/results/README.md``; a test holds the files against their data.
"""

import json
from pathlib import Path
from typing import Any

from kdui.bench.recorded import of_table
from kdui.catalogue.studies import RESULTS, read_study
from kdui.catalogue.targets import metric_of
from kdui.cli.study import conclusions, has_gains, markdown, sizes_markdown
from kdui.cli.verdicts import CONTROLS, judged
from kdui.kdz.on_disk import write_whole

PAGE = RESULTS / "README.md"
INTRODUCTION = """# Results

Each table is made from the JSON file that is named above it, by `python -m kdui.bench.documents`; that file also holds every
seed's figures. The command repeats the study. Validation data chose every epoch. A study's settings were settled before its test
figures were seen, unless its summary says otherwise. ± is the half width of a 95 % t-interval over seeds;
one teacher serves them all, so it leaves out how teachers differ, unless the summary says that each seed has its own.
Gains are over the same student from the same first weights with equal steps, on hard labels and on labels smoothed to be as soft
as the teacher's targets; each is paired by seed. Both models answered the same test examples, which its interval holds fixed.
Within a table the false discovery rate is controlled at 5 % (Benjamini-Hochberg). Beside "no difference shown" stands the minimum
detectable effect at 80 % power: "detectable from 1.9". Rows of one task that share a letter under "level" do not differ
significantly (seeds as blocks, all pairs together).
The tables hold {comparisons} gains. Each table says how many seeds made it; a study whose question needs more has them listed in
its file since, and its command runs them all (`--seeds N` fewer).
Speed is the median latency of one example, read in turn with the first model's: in turns of as many answers as the table says,
else at every answer, which leaves each model a cache full of the other's weights and makes small ones look slower. "Stored" is
the packed file where there is one.
"""


def results_page(folder: Path = RESULTS) -> str:
    """All recorded tables, sorted by name."""
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    introduction = INTRODUCTION.replace("{comparisons}", str(comparisons(tables)))
    return "\n".join([introduction, *(section(table) for table in tables)])


def comparisons(tables: list[dict[str, Any]]) -> int:
    """How many gains over a control all tables hold."""
    return sum(f"gain_over_{control}" in arm for table in tables for arm in table["arms"] for control in CONTROLS)


def section(table: dict[str, Any]) -> str:
    """One study: what it is, what repeats it, its tables and its aims."""
    command = f"`{table['command']} --out assets/results/{table['study']}.json`"
    parts = [
        f"## {table['title']}",
        read_study(table["study"]).summary,
        table.get("remark", ""),
        f"{command} · {circumstances(table)}",
        *tables(table),
        conclusions(table),
        aims(table),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def circumstances(table: dict[str, Any]) -> str:
    """Seeds, processor, how latency was read, and the model that everything is compared with."""
    seeds = max(len(arm["seeds"]) for arm in table["arms"])
    machine = table["machine"]
    flags = f", {', '.join(machine['flags'])}" if machine["flags"] else ""
    others = [name for name in table.get("trained_on", []) if name != machine["cpu"]]
    trained = f"trained on {', '.join(others)}, measured on " if others else ""
    first, unit = next(iter(table["arms"][0]["models"].values())), metric_of(table["arms"][0]).unit
    turns = f"turns of {table['turn']} answers · " if _is_timed(table) and "turn" in table else ""
    return (
        f"{seeds} {'seed' if seeds == 1 else 'seeds'} · {trained}{machine['cpu']}, {machine['cores']} cores{flags} · "
        f"{turns}begins with {first['label']}: {first['mean']:.2f} {unit}, {first['file_mb']:.2f} MB"
    )


def tables(table: dict[str, Any]) -> list[str]:
    """The study's table, and beside its gains what the models are in size and speed."""
    beside = has_gains(table) and not table.get("steps") and _is_timed(table)
    return [markdown(table), *([sizes_markdown(table)] if beside else [])]


def aims(table: dict[str, Any]) -> str:
    """What the study was meant to reach, and whether it did, as a list; empty where it has no aims."""
    return "\n".join(
        f"- {finding.title.removeprefix(table['title'] + ', ')}: {finding.value:g} {finding.unit} "
        f"(aim {finding.relation} {finding.aim:g}: {'met' if finding.met else 'missed'})"
        for finding in of_table(table)
    )


def _is_timed(table: dict[str, Any]) -> bool:
    return any("speedup" in _result(arm) for arm in table["arms"])


def _result(arm: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = arm["models"][arm["result"]]
    return model


def judge_again(folder: Path = RESULTS) -> None:
    """Write every recorded table with the verdicts that its values of each seed allow now."""
    for path in sorted(folder.glob("*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        write_whole(path, as_text(judged(table, read_study(table["study"]))).encode())


def as_text(table: dict[str, Any]) -> str:
    """A table as its file holds it."""
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"

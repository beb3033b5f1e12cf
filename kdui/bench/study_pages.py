"""A page for each study: its question, method, table, verdict, and what it does not show."""

import json
from collections.abc import Mapping
from typing import Any

from kdui.bench.results_page import aims, circumstances, tables
from kdui.catalogue.studies import RESULTS, Study, read_study, study_names
from kdui.cli.reference import GENERATED
from kdui.cli.study import conclusions
from kdui.cli.verdicts import CONTROLS, NOTHING

Table = dict[str, Any]
ONE_TEACHER = (
    "One teacher serves all seeds: the intervals do not include how teachers differ from one training to the next.",
    "Every seed trains its own teacher, so the intervals include how teachers differ.",
)


def pages() -> dict[str, str]:
    """File name -> text, one page a study and an index of them all."""
    documents = {}
    rows = ["| study | question | recorded |", "| --- | --- | --- |"]
    for name in study_names():
        study, table = read_study(name), recorded(name)
        documents[f"{name}.md"] = page(study, table)
        count = seeds_of(table) if table else 0
        made = f"{count} {'seed' if count == 1 else 'seeds'}" if table else "no results yet"
        rows.append(f"| [{study.title}]({name}.md) | {study.question} | {made} |")
    return {**documents, "README.md": f"{GENERATED}\n\n# Studies\n\n{INTRODUCTION}\n\n" + "\n".join(rows) + "\n"}


INTRODUCTION = (
    "A study is many recipes that differ in one thing, over several seeds, as one YAML file in `kdui/catalogue/studies/`. "
    "`python app.py study NAME` runs it. All tables on one page, and how to read them: "
    "[Results](../../assets/results/README.md)."
)


def recorded(name: str) -> Table | None:
    """The table of a study in ``assets/results``; None where none was recorded."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def seeds_of(table: Table) -> int:
    """With how many seeds a table was made."""
    return max(len(arm["seeds"]) for arm in table["arms"])


def page(study: Study, table: Table | None) -> str:
    """The whole page of one study; ``table`` as ``recorded`` gives it."""
    results = [*tables(table), circumstances(table)] if table else ["No results have been recorded yet."]
    verdict = [conclusions(table), verdicts(table), aims(table)] if table else []
    parts = [
        GENERATED,
        f"# {study.title}",
        f"**Question.** {study.question}",
        "## Method",
        study.summary,
        (table or {}).get("remark", ""),
        method(study),
        f"Repeat it: `python app.py study {study.name} --out assets/results/{study.name}.json`. "
        f"Every setting: [{study.name}.yaml](../../kdui/catalogue/studies/{study.name}.yaml).",
        "## Table",
        *results,
        *(["## Verdict", *(verdict if any(verdict) else ["The study has neither controls nor aims."])] if table else []),
        "## What it does not show",
        "\n".join(f"- {line}" for line in limits(study, table)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def method(study: Study) -> str:
    """Task, models and amount of training, in a line."""
    seeds = f"{len(study.seeds)} {'seed' if len(study.seeds) == 1 else 'seeds'} in its file"
    knobs = ", ".join(f"{name} {str(value).lower()}" for name, value in study.training.items())
    settings: Mapping[str, str | None] = {
        "Task": f"`{study.task}`",
        "teacher": study.teacher and f"`{study.teacher}`",
        "student": study.student and f"`{study.student}`",
        "arms": str(len(study.arms)),
        "every student": knobs or None,
    }
    return "; ".join([*(f"{name} {value}" for name, value in settings.items() if value), seeds]) + "."


def verdicts(table: Table) -> str:
    """Which arms are better and worse than each of their controls, and how many show no difference."""
    lines = []
    for control, heading in CONTROLS.items():
        named: dict[str, list[str]] = {}
        for arm in table["arms"]:
            if gain := arm.get(f"gain_over_{control}"):
                named.setdefault(gain["verdict"], []).append(arm["arm"])
        distinct = [f"{verdict.capitalize()}: {'; '.join(arms)}" for verdict, arms in named.items() if verdict != NOTHING]
        level = len(named.get(NOTHING, []))
        if named:
            rest = [f"{NOTHING.capitalize()}: {level} of {sum(map(len, named.values()))}"] if level else []
            lines.append(f"- Gain {heading}. {'. '.join([*sorted(distinct), *rest])}.")
    return "\n".join(lines)


def limits(study: Study, table: Table | None) -> list[str]:
    """What its result does not show: the study's own words, then what its design leaves open."""
    lines = [study.limits]
    if table is None:
        return [*lines, "Anything yet: it has not been run for the record."]
    question = table.get("question")
    if question and not question["answered"]:
        least = f"{question['effect']:g} {'point' if question['effect'] == 1 else 'points'}"
        more = f"; {question['needed']} would be needed" if question["needed"] else ""
        lines.append(f"Differences of {least}: {seeds_of(table)} seeds could have missed them{more}.")
    if seeds_of(table) > 1:
        lines.append(ONE_TEACHER[study.own_teachers])
    else:
        lines.append("How much seeds differ: there is one.")
    return lines

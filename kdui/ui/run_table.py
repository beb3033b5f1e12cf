"""The queue and the history of runs as one table, one page at a time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from types import MappingProxyType

from kdui.catalogue.tasks import TASKS
from kdui.core.family import KIND_WORDS, FamilyState
from kdui.core.numbers import THIN, duration, time_left
from kdui.core.page_rows import FamilyRow, RunPage, RunRow
from kdui.core.run import RunState
from kdui.core.words import percent
from kdui.ui.run_marks import marks_html

EMPTY = (
    '<div class="empty"><b>No runs yet.</b><br>Put a recipe together in <a href="?tab=build">Build</a> and queue it: '
    "it shows up here at once, and continues when you close this page. Or look at "
    '<a href="./?tab=runs&amp;runs=recorded">recorded runs</a> ⟲.</div>'
)
# What stands in a family's badge -> the state of a run whose look it has.
FAMILY_LOOKS = {"finished": "succeeded", "ended": "succeeded", "active": "running", "paused": "interrupted"}
NO_MATCH = (
    '<div class="empty">No run matches these filters. '
    '<button type="button" class="act small" data-clear>Clear filters</button></div>'
)


def page_html(page: RunPage, titles: Mapping[str, str], chosen: str, filtered: bool) -> str:
    """The table with its pager; ``titles``: task name -> title."""
    if not page.total:
        return NO_MATCH if filtered else EMPTY
    rows = rows_html(page.rows, titles, chosen, page.families)
    return (
        '<table class="table runs"><caption class="sr-only">Runs: running, queued in their order, finished</caption>'
        '<thead><tr><th scope="col" class="left">Run</th><th scope="col" class="left">State</th>'
        f'<th scope="col">Result</th></tr></thead><tbody>{rows}</tbody></table>{pager_html(page)}'
    )


def rows_html(
    rows: Sequence[RunRow], titles: Mapping[str, str], chosen: str, families: Mapping[str, FamilyRow] = MappingProxyType({})
) -> str:
    """The rows; a family is one, and so are runs of a sweep that was queued before there were families."""
    sweeps: dict[tuple[str, str], list[RunRow]] = {}
    for row in rows:
        if row.sweep and row.family not in families:
            sweeps.setdefault((row.sweep, row.task), []).append(row)
    html = []
    for row in rows:
        if row.family in families:
            html.append(family_html(families[row.family], titles, chosen))
            continue
        group = sweeps.get((row.sweep, row.task), [])
        if len(group) < 2:
            alone = row.model_copy(update={"title": f"{row.sweep} · {row.title}"}) if row.sweep else row
            html.append(row_html(alone, titles, row.id == chosen))
        elif row is group[0]:
            html.append(_sweep_html(group, titles, chosen))
    return "".join(html)


def family_html(family: FamilyRow, titles: Mapping[str, str], chosen: str) -> str:
    """One row with what a family is called, where it stands and its best result; the first of its runs unfold below."""
    name, key = escape(family.name), escape(family.id)
    states = " · ".join(f"{count} {state}" for state, count in family.counts.items())
    opened = " open" if any(row.id == chosen for row in family.runs) else ""
    inside = "".join(row_html(row, titles, row.id == chosen) for row in family.runs)
    more = f'<p class="sub">The first {len(family.runs)} of {family.total}.</p>' if len(family.runs) < family.total else ""
    whose = [f"queued by {family.queued_by}"] if family.queued_by else []
    about = escape(" · ".join((titles.get(family.task, family.task), KIND_WORDS[family.kind], *whose)))
    best = f'<span class="sub">best {escape(family.best)}</span>' if family.best else ""
    current = ' aria-current="true"' if family.id == chosen else ""
    return (
        f'<tr class="sweep{" chosen" if family.id == chosen else ""}" data-family="{key}"{current}><td colspan="3" class="left">'
        f'<div class="family-head"><a class="name" id="row-{key}" href="?tab=runs&amp;family={key}&amp;run=">{name}</a>'
        f'{family_badge(family)}{best}</div><div class="sub">{about}</div>{track_html(family)}'
        f'<details id="family-{key}"{opened}><summary><span class="sub">{family.total} runs: {states}</span></summary>'
        f'<table class="table runs"><tbody>{inside}</tbody></table>{more}</details></td></tr>'
    )


def family_badge(family: FamilyRow) -> str:
    """Where a family stands as one word: of an active one, whether any of its runs is left."""
    word = str(family.state)
    if family.state is FamilyState.ACTIVE and family.kind != "search":
        word = "finished" if family.finished == family.total else "running" if family.counts.get("running") else "queued"
    return f'<span class="badge {FAMILY_LOOKS.get(word, word)}">{word}</span>'


def track_html(family: FamilyRow) -> str:
    """How much of it is done."""
    share = f"{family.progress * 100:.0f}"
    return (
        f'<span class="track thin" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share}" '
        f'aria-label="{escape(family.name)}"><span class="bar-fill" style="width:{share}%"></span></span>'
    )


def _sweep_html(group: Sequence[RunRow], titles: Mapping[str, str], chosen: str) -> str:
    """One row with what a sweep is called and where it stands; its runs unfold below."""
    counts = Counter(row.state for row in group)
    states = " · ".join(f"{count} {state}" for state, count in counts.items())
    opened = " open" if any(row.id == chosen for row in group) else ""
    inside = "".join(row_html(row, titles, row.id == chosen) for row in group)
    return (
        f'<tr class="sweep"><td colspan="3" class="left"><details id="sweep-{escape(group[0].id)}"{opened}>'
        f'<summary><b class="name">{escape(group[0].sweep)}</b><span class="sub">{len(group)} runs: {states}</span></summary>'
        f'<table class="table runs"><tbody>{inside}</tbody></table></details></td></tr>'
    )


def row_html(row: RunRow, titles: Mapping[str, str], chosen: bool) -> str:
    """One run: what it is, where it stands, what came out; a queued one can be moved."""
    name, run = escape(row.title or row.name), escape(row.id)
    models = " → ".join(model for model in (row.teacher, row.student) if model)
    whose = f"queued by {row.queued_by}" if row.queued_by else ""
    about = escape(" · ".join(part for part in (titles.get(row.task, row.task), models, whose) if part))
    current = ' aria-current="true"' if chosen else ""
    star = '<span title="Kept on top" role="img" aria-label="Kept on top">★</span> ' if row.marks.pinned else ""
    tags = f'<div class="tags">{marks_html(row.marks)}</div>' if row.marks.tags else ""
    return (
        f'<tr class="pickable{" chosen" if chosen else ""}" data-run="{run}"{current}>'
        f'<td class="left">{_tick(row, name)}{star}<a class="name" id="row-{run}" href="?tab=runs&amp;run={run}">{name}</a>'
        f'<div class="sub" title="{escape(row.name)}: {about}">{about}</div>{tags}</td>'
        f'<td class="left state">{badge(row.state)}<div class="sub">{_progress(row)}</div></td>'
        f'<td class="num">{_outcome(row)}</td></tr>'
    )


def _tick(row: RunRow, name: str) -> str:
    """A checkbox that takes a run with results into the comparer."""
    if not row.headline and row.state is not RunState.SUCCEEDED:
        return ""
    return f'<input type="checkbox" class="tick" data-compare="{escape(row.id)}" aria-label="Compare {name}">'


def badge(state: RunState) -> str:
    """The state as a word with its sign, so it doesn't hang on colour."""
    return f'<span class="badge {state}">{state}</span>'


def _progress(row: RunRow) -> str:
    if row.silent_seconds is not None:
        return f'<span class="bad">no activity for {duration(row.silent_seconds)}</span>'
    if row.waits:
        return '<span class="bad">waits for you</span>'
    if row.state is RunState.RUNNING:
        left = f" · {time_left(row.eta_seconds)} left" if row.eta_seconds is not None else ""
        return percent(row.progress) + left
    if row.place is not None:
        return f"{ordinal(row.place)} in the queue"
    took = f", took {duration(row.seconds)}" if row.seconds is not None else ""
    return f'<span title="{escape(row.created)} UTC{took}">{ago(row.created)}</span>'


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th") if place % 100 not in (11, 12, 13) else "th"
    return f"{place:,}{ending}"


def _outcome(row: RunRow) -> str:
    if row.state is RunState.QUEUED:
        name = escape(row.title or row.name)
        return "".join(
            f'<button type="button" class="act icon" id="{word}-{escape(row.id)}" data-move="{places}" '
            f'data-run="{escape(row.id)}" aria-label="Move {name} {word} in the queue" title="Move {word}">'
            f"{sign}</button>"
            for sign, word, places in (("↑", "earlier", -1), ("↓", "later", 1))
        )
    if row.error:
        return f'<span class="bad" title="{escape(row.error)}">see why</span>'
    value, between, sign = escape(row.headline).rpartition(" ")
    if not value:
        return '<span class="mute">–</span>'
    what = TASKS[row.task].headline.unsaid if row.task in TASKS else ""
    return f"{value}{between and THIN}{sign}" + (f'<div class="sub">{escape(what)}</div>' if what else "")


def pager_html(page: RunPage) -> str:
    """Which rows these are of how many, and the way to the others."""
    first = (page.page - 1) * page.size + 1
    last = first + len(page.rows) - 1
    text = f"{first:,} – {last:,} of {page.total:,}" if page.rows else f"none of {page.total:,}"
    back = "" if page.page > 1 else " disabled"
    on = "" if last < page.total else " disabled"
    return (
        f'<div class="pager"><span class="mute" role="status">{text}</span>'
        f'<button type="button" class="act small" data-page="{page.page - 1}"{back}>‹ Newer</button>'
        f'<button type="button" class="act small" data-page="{page.page + 1}"{on}>Older ›</button></div>'
    )


def ago(created: str, now: datetime | None = None) -> str:
    """How long ago a UTC time was, in one word and a half; the text itself where it is no time."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return escape(created)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return "just now"

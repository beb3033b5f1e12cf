"""Objects with their boxes: over the image in each model's card, and of several models over one another."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from kdui.core.answers import Box, Boxes
from kdui.core.plan import Role
from kdui.ui.mask_pictures import PALETTE, ROLES
from kdui.ui.provenance import mark

NAMED = 8  # boxes that are named on the image; of more the names would cover it
DASHES = ("none", "6 3", "2 2", "8 2 2 2")  # so that several models of one role can be told apart


def html(part: Boxes, role: Role) -> str:
    """The image under its boxes, a line for each class, and how many of them are right where that is known."""
    colours = _colours(part, role)
    drawn = "".join(
        _rect(box, colours[box.label], DASHES[1] if box.matches is False else "none", _about(box)) for box in reversed(part.boxes)
    )
    names = "".join(_name(part, box) for box in part.boxes) if len(part.boxes) <= NAMED else ""
    return f"{_picture(part, drawn, f'Found: {counted(part.boxes)}', names)}{_legend(part, colours)}{_known(part)}"


def summary(part: Boxes) -> tuple[str, ...]:
    """Boxes differ by their places: see ``together``."""
    return ()


def together(models: Sequence[tuple[str, Role, Boxes]]) -> str:
    """The boxes of all models over one image, and the true ones where they are known."""
    first = models[0][2]
    figures = []
    if len(models) > 1:
        drawn = "".join(
            _rect(box, ROLES[role], DASHES[place % len(DASHES)], f"{title}: {_about(box)}")
            for place, (title, role, part) in reversed(list(enumerate(models)))
            for box in part.boxes
        )
        items = "".join(
            f"<li>{_stroke(ROLES[role], DASHES[place % len(DASHES)])}{escape(title)}<span>{len(part.boxes)}</span></li>"
            for place, (title, role, part) in enumerate(models)
        )
        words = "; ".join(f"{title}: {counted(part.boxes)}" for title, _, part in models)
        figures.append(f'<figure>{_picture(first, drawn, words)}<ul class="mask-legend">{items}</ul></figure>')
    if first.truth is not None:
        drawn = "".join(_rect(box, ROLES["truth"], "none", box.label) for box in first.truth)
        about = counted(first.truth)
        caption = f"<figcaption>True boxes<br><b>{escape(about)}</b></figcaption>"
        figures.append(f"<figure>{_picture(first, drawn, f'True boxes: {about}')}{caption}</figure>")
    if not figures:
        return ""
    return (
        '<section class="card whole-row"><h2 class="title">Boxes over each other</h2>'
        f'<div class="mask-row boxes-row">{"".join(figures)}</div></section>'
    )


def counted(boxes: Sequence[Box]) -> str:
    """How many there are of each class, the most frequent first: '2 Bag, 1 Sandal'."""
    counts = Counter(box.label for box in boxes)
    return ", ".join(f"{count} {label}" for label, count in counts.most_common()) or "no object"


def _known(part: Boxes) -> str:
    if part.truth is None:
        return ""
    right = sum(box.matches is True for box in part.boxes)
    wrong = len(part.boxes) - right
    words = f"<b>{right} of {len(part.truth)}</b>{mark('measured')} true objects found, {wrong} wrong boxes (dashed)"
    return f'<p class="lead">{words}</p>'


def _colours(part: Boxes, role: Role) -> dict[str, str]:
    """That of the model's role where there is one class of objects, else one a class."""
    if len(part.names) == 1:
        return {part.names[0]: ROLES[role]}
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(part.names)}


def _legend(part: Boxes, colours: dict[str, str]) -> str:
    scores: dict[str, list[float]] = {}
    for box in part.boxes:
        scores.setdefault(box.label, []).append(box.score or 0.0)
    items = "".join(
        f'<li><span class="swatch" style="background:{colours[label]}"></span>{len(own)} {escape(label)}'
        f"<span>{_range(own)}</span></li>"
        for label, own in sorted(scores.items(), key=lambda item: -len(item[1]))
    )
    if not items:
        return f'<p class="mute">No object with a score of {100 * part.least:.0f} % or more.</p>'
    return f'<ul class="mask-legend">{items}</ul>'


def _range(scores: Sequence[float]) -> str:
    low, high = f"{100 * min(scores):.0f}", f"{100 * max(scores):.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def _picture(part: Boxes, drawn: str, words: str, names: str = "") -> str:
    image = f'<img alt="{escape(words)}" src="data:image/png;base64,{escape(part.image)}">'
    lines = f'<svg viewBox="0 0 {part.width} {part.height}" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'
    return f'<div class="mask">{image}{lines}{names}</div>'


def _rect(box: Box, colour: str, dashes: str, about: str) -> str:
    return (
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.right - box.left:.1f}" height="{box.bottom - box.top:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}" vector-effect="non-scaling-stroke">'
        f"<title>{escape(about)}</title></rect>"
    )


def _name(part: Boxes, box: Box) -> str:
    top, left = 100 * box.top / part.height, 50 * (box.left + box.right) / part.width
    return f'<span style="top:{top:.0f}%;left:{left:.0f}%">{escape(box.label)}</span>'


def _about(box: Box) -> str:
    return box.label if box.score is None else f"{box.label} {100 * box.score:.0f} %"


def _stroke(colour: str, dashes: str) -> str:
    line = f'<line x1="0" y1="5" x2="24" y2="5" stroke="{colour}" stroke-width="3" stroke-dasharray="{dashes}"/>'
    return f'<svg class="stroke" viewBox="0 0 24 10" width="24" height="10" aria-hidden="true">{line}</svg>'

"""A class for each pixel: the mask over its image, what it covers, and, of several models, where they differ."""

from collections.abc import Sequence
from html import escape

import numpy as np

from kdui.core.answers import Mask
from kdui.core.plan import Role
from kdui.ui.mask_pictures import NUMBERED, colour, colours_of, differing, overlaid, read
from kdui.ui.provenance import mark

LABELLED = 0.004  # share of the image from which on a class is named on it


def html(part: Mask, role: Role) -> str:
    """The image under its mask, a line for each class, and how far it is the true one where that is known."""
    image, classes = read(part.image), read(part.classes)
    colours = colours_of(part.names, role)
    known = f'<p class="lead"><b>{_iou(part):.0f} %</b>{mark("measured")} mean IoU with the true mask</p>' if part.truth else ""
    names = _names(classes, part.names) if len(part.names) > 2 else ""
    picture = f'<div class="mask">{_img(overlaid(image, classes, colours), f"Mask: {part.text}")}{names}</div>'
    return f"{picture}{_legend(classes, part.names, colours)}{known}"


def summary(part: Mask) -> tuple[str, ...]:
    """Masks differ by pixels: see ``together``."""
    return ()


def together(models: Sequence[tuple[str, Role, Mask]]) -> str:
    """Where masks of several models differ from the first one's and from the true one, over the image."""
    title, _, first = models[0]
    image, theirs = read(first.image), read(first.classes)
    figures = []
    if first.truth:
        truth = read(first.truth)
        shown = overlaid(image, truth, colours_of(first.names, "truth"))
        figures.append(_figure(shown, "True mask", first.truth_text))
        figures += [
            _figure(differing(image, read(part.classes), truth), f"Wrong pixels · {name}", _share(read(part.classes), truth))
            for name, _, part in models
        ]
    figures += [
        _figure(differing(image, read(part.classes), theirs), f"{name} beside {title}", _share(read(part.classes), theirs))
        for name, _, part in models[1:]
    ]
    if not figures:
        return ""
    return (
        '<section class="card whole-row"><h2 class="title">Where masks differ</h2>'
        '<p class="lead">Marked: pixels whose class is another one.</p>'
        f'<div class="mask-row">{"".join(figures)}</div></section>'
    )


def _iou(part: Mask) -> float:
    """Mean IoU in % over the classes that either mask holds."""
    ours, truth = read(part.classes), read(part.truth)
    shares = [
        ((ours == number) & (truth == number)).sum() / ((ours == number) | (truth == number)).sum()
        for number in np.union1d(ours, truth)
    ]
    return 100 * float(np.mean(shares))


def _share(ours: np.ndarray, theirs: np.ndarray) -> str:
    return f"{100 * float((ours != theirs).mean()):.1f} % of the pixels"


def _legend(classes: np.ndarray, names: Sequence[str], colours: np.ndarray) -> str:
    rows = sorted(((float((classes == number).mean()), number) for number in range(1, len(names))), reverse=True)
    items = "".join(
        f'<li><span class="swatch" style="background:{colour(colours[number])}"></span>{escape(names[number])}'
        f"<span>{100 * share:.1f} %</span></li>"
        for share, number in rows
        if share
    )
    return f'<ul class="mask-legend">{items}</ul>' if items else f'<p class="mute">Only {escape(names[0])}.</p>'


def _names(classes: np.ndarray, names: Sequence[str]) -> str:
    """The name of each class in the middle of its pixels, so that nothing depends on colours alone."""
    labels = []
    for number in np.unique(classes)[:NUMBERED]:
        rows, columns = np.nonzero(classes == number)
        if number and len(rows) >= LABELLED * classes.size:
            top, left = (
                100 * (float(np.median(places)) + 0.5) / side for places, side in zip((rows, columns), classes.shape, strict=True)
            )
            labels.append(f'<span style="top:{top:.0f}%;left:{left:.0f}%">{escape(names[number])}</span>')
    return "".join(labels)


def _figure(address: str, caption: str, about: str) -> str:
    image = _img(address, f"{caption}: {about}")
    return f"<figure>{image}<figcaption>{escape(caption)}<br><b>{escape(about)}</b></figcaption></figure>"


def _img(address: str, words: str) -> str:
    return f'<img alt="{escape(words)}" src="{address}">'

"""Which way the student learns from its teacher: one list, grouped by what is transferred, with a picture and a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from kdui.core.method import Method
from kdui.ui.diagrams import GROUPS, diagram, flow_of, group_of, picture_of

UNFIT = " · incompatible with this pair"  # behind a method's title in the list; the reason is told when it is chosen


def grouped(methods: Iterable[Method]) -> list[Method]:
    """In the order of the list: by what they transfer; the one that the others are compared with first, then by title."""
    places = list(GROUPS)
    return sorted(methods, key=lambda method: (places.index(group_of(method)), not method.plain, method.title))


def method_options(methods: Sequence[Method], unfit: Mapping[str, str]) -> str:
    """The list's entries; ``unfit``: the reason why a method does not suit the recipe's models, by its name."""
    groups = dict.fromkeys(group_of(method) for method in methods)
    return "".join(
        f'<optgroup label="{GROUPS[group][0]}">'
        + "".join(
            f'<option value="{escape(method.name)}">{escape(method.title)}{UNFIT if method.name in unfit else ""}</option>'
            for method in methods
            if group_of(method) == group
        )
        + "</optgroup>"
        for group in groups
    )


def method_html(method: Method, reason: str) -> str:
    """What is said about the chosen method: its picture, its source, and why it does not suit these models, if so."""
    title, sentence, _ = GROUPS[group_of(method)]
    note = f'<div class="note">{escape(reason)}</div>' if reason else ""
    return (
        f'<div class="chooser"><div id="distiller-about"><p>{escape(method.summary)}</p>'
        f'<p class="prov">{escape(method.source)}</p>{note}</div>'
        f"<figure>{diagram(picture_of(method), flow_of(method))}"
        f"<figcaption><b>{title}</b> <span>{sentence}</span></figcaption></figure></div>"
    )

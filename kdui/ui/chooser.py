"""Which way the student learns from its teacher: one list, grouped by what is transferred, with a picture and a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import gradio as gr

from kdui.core.method import Method
from kdui.ui.diagrams import DRAWINGS, GROUPS, diagram, flow_of, group_of, picture_of

DISTILL = "distill"  # stands for all methods that train the student
UNFIT = " · not as it stands"  # behind a method's title in the list; the reason is told when it is chosen


def grouped(methods: Iterable[Method]) -> list[Method]:
    """In the order of the list: by what they transfer, then by title; soft targets, which all others are held against, first."""
    places = list(GROUPS)
    return sorted(methods, key=lambda method: (places.index(group_of(method)), method.name != DISTILL, method.title))


def draw_chooser(methods: Sequence[Method], chosen: str, unfit: Mapping[str, str]) -> gr.HTML:
    """Draw it here. Gives what shows a choice: ``{"method": name, "unfit": {name: reason}}``."""
    gr.HTML(
        chooser_html(methods, chosen, unfit),
        elem_id="chooser",
        js_on_load="kdui.load('chooser.js').then(() => kdui.chooser.mount(element))",
    )
    return gr.HTML(
        {},
        html_template="<i></i>",
        elem_classes="hidden-field",
        apply_default_css=False,
        js_on_load="watch('value', () => kdui.load('chooser.js').then(() => kdui.chooser.show(props.value)))",
    )


def chooser_html(methods: Sequence[Method], chosen: str, unfit: Mapping[str, str]) -> str:
    """The list and what is said about the chosen method; assets/chooser.js says it of another one."""
    about = next(method for method in methods if method.name == chosen)
    groups = dict.fromkeys(group_of(method) for method in methods)
    options = "".join(
        f'<optgroup label="{GROUPS[group][0]}">'
        + "".join(_option(method, method is about, unfit.get(method.name, "")) for method in methods if group_of(method) == group)
        + "</optgroup>"
        for group in groups
    )
    pictures = "".join(diagram(name, flow_of(about), hidden=name != picture_of(about)) for name in DRAWINGS)
    title, sentence, _ = GROUPS[group_of(about)]
    reason = unfit.get(chosen, "")
    return (
        '<div class="chooser"><div class="pick"><label for="distiller">What the student learns from</label>'
        f'<select id="distiller" aria-describedby="distiller-about">{options}</select></div>'
        f'<figure>{pictures}<figcaption><b data-say="group">{title}</b> '
        f'<span data-say="transfers">{sentence}</span></figcaption></figure>'
        f'<div id="distiller-about" role="status"><p data-say="summary">{escape(about.summary)}</p>'
        f'<p class="prov" data-say="source">{escape(about.source)}</p>'
        f'<div class="note" data-say="reason"{"" if reason else " hidden"}>{escape(reason)}</div></div></div>'
    )


def _option(method: Method, chosen: bool, reason: str) -> str:
    title, sentence, _ = GROUPS[group_of(method)]
    facts = {
        "title": method.title,
        "group": title,
        "transfers": sentence,
        "summary": method.summary,
        "source": method.source,
        "picture": picture_of(method),
        "flow": flow_of(method),
        "reason": reason,
    }
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in facts.items())
    words = method.title + (UNFIT if reason else "")
    return f'<option value="{escape(method.name)}"{data}{" selected" if chosen else ""}>{escape(words)}</option>'

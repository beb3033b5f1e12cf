"""What a page in another language still says in English: texts, attributes that are read, and words of charts."""

import re
from collections.abc import Collection

from kdui.catalogue.languages import catalogue

# Of everything in the page, or in one part of it, hidden parts included: [where it stands, text]. Code, data and what says of
# itself that it is not translated are left out, as the page's own language module leaves them out.
TEXTS = """(within) => {
    const part = document.querySelector(within ?? "body");
    const kept = "code, pre, script, style, textarea, noscript, footer, [translate=no], [contenteditable]";
    const read = ["aria-label", "aria-valuetext", "alt", "label", "placeholder", "title"];
    const chinese = /[\\u4e00-\\u9fff]/, words = /[A-Za-z]{2}/, found = [];
    const add = (element, text) => {
        const said = text.trim().replace(/\\s+/g, " ");
        if (words.test(said) && !chinese.test(said)) found.push([element.closest("[id]")?.id ?? "", said]);
    };
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node instanceof Element ? node : node.parentElement;
        if (!element || element.closest(kept)) continue;
        if (node instanceof Element) for (const name of read) add(node, node.getAttribute(name) ?? "");
        else add(element, node.data);
    }
    for (const chart of part.querySelectorAll(".js-plotly-plot")) {
        const hovers = (chart.data ?? []).flatMap((trace) => [trace.name, trace.hovertemplate]);
        for (const text of hovers) if (typeof text === "string") add(chart, text.replace(/%\\{[^}]*\\}|<[^>]*>/g, " "));
    }
    return found;
}"""
WORD = re.compile(r"[A-Za-z][A-Za-z’'.\-]*[A-Za-z]")
REFERENCES = re.compile(r"\w+:[A-Z]+|\?model=")  # how a model is named: hub:OWNER/NAME
UNITS = frozenset({"kB", "ms", "min", "tokens/s", "Ctrl"})


def english(found: list[list[str]], own: Collection[str]) -> list[list[str]]:
    """Of ``TEXTS`` those with a word that is neither a unit nor a name; ``own``: names that the stored runs bring along."""
    texts = [text for pair in catalogue("zh").items() if not re.search("[\u4e00-\u9fff]", pair[1]) for text in pair]
    known = UNITS | {word for text in texts for word in WORD.findall(text)}
    return [
        [place, text]
        for place, text in found
        if text not in own and any(not word.isupper() and word not in known for word in WORD.findall(REFERENCES.sub("", text)))
    ]

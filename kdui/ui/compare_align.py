"""Compare for translations: which words of the input each model looked at while it wrote each of its own."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from kdui.core.answer_facts import WrittenText
from kdui.core.errors import KduiError
from kdui.core.plain import Frozen
from kdui.ui.answers.ranked import percent
from kdui.ui.compare_input import MOST_MODELS, task_of
from kdui.ui.compare_view import title

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

TELLING = 0.1  # share of a word's attention from which it stands in numbers
HOW = (
    "A row is a word that the model wrote, a column a word of the input; a cell says how much of its attention the one gave to "
    "the other while it was written, averaged over the layer's heads. What a row gives to the end of the input is left out. The "
    "last layer but one follows translations best. Attention says where a model looks, not why it writes what it writes."
)


class Aligned(Frozen):
    """An input and what each model wrote for it."""

    task: str = Field(max_length=200)
    text: str = Field(max_length=20_000)
    written: Mapping[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=20_000)]] = Field(
        min_length=1, max_length=MOST_MODELS
    )


class AlignCalls:
    """What the browser can ask about attention."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def compare_align(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Of each model a matrix for each layer of its decoder, or why there is none."""
        asked = Aligned.model_validate(payload)
        facts = task_of(self.workbench, asked.task)
        if not isinstance(facts.answer, WrittenText):
            raise KduiError("Only models that write a text for a text look at words of an input.")
        known = {model.digest: model for model in self.workbench.servable(facts.name)}
        cards = "".join(
            f'<section class="card {known[digest].role}"><h3 class="title">{escape(title(known[digest]))}</h3>'
            f"{self._matrices(digest, asked.text, written)}</section>"
            for digest, written in asked.written.items()
            if digest in known
        )
        return {"html": f'<div class="answers">{cards}</div><p class="lead">{HOW}</p>'}

    def _matrices(self, digest: str, text: str, written: str) -> str:
        try:
            told = self.workbench.serving.call("alignment", digest=digest, source=text, written=written)
        except KduiError as error:
            return f'<p class="note">{escape(str(error))}</p>'
        return layers_html(told["layers"], told["source"], told["written"])


def layers_html(layers: Sequence[Sequence[Sequence[float]]], source: Sequence[str], written: Sequence[str]) -> str:
    """A choice of layers where there are several, the last but one first chosen, and the matrix of each."""
    chosen = max(0, len(layers) - 2)
    matrices = "".join(
        f'<div data-layer="{place}"{"" if place == chosen else " hidden"}>{matrix_html(weights, source, written)}</div>'
        for place, weights in enumerate(layers)
    )
    if len(layers) == 1:
        return matrices
    options = "".join(
        f'<option value="{place}"{" selected" if place == chosen else ""}>layer {place + 1} of {len(layers)}</option>'
        for place in range(len(layers))
    )
    return f'<label class="field"><span>Decoder layer</span><select data-layers>{options}</select></label>{matrices}'


def matrix_html(weights: Sequence[Sequence[float]], source: Sequence[str], written: Sequence[str]) -> str:
    """Written words in rows, those of the input in columns; each cell shaded by its share, telling ones in numbers."""
    heads = "".join(f'<th scope="col"><span translate="no">{escape(word)}</span></th>' for word in source)
    rows = "".join(
        f'<tr><th scope="row" translate="no">{escape(word)}</th>'
        f"{''.join(_cell(share, word, other) for share, other in zip(shares, source, strict=True))}</tr>"
        for word, shares in zip(written, weights, strict=True)
    )
    return (
        '<div class="scroll-x" tabindex="0" role="group" aria-label="Attention"><table class="alignment"><thead><tr>'
        f"<th>written</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(share: float, word: str, other: str) -> str:
    told = f"{100 * share:.0f}" if share >= TELLING else ""
    return (
        f'<td style="--shade:{share:.2f}" title="“{escape(word)}” gives {percent(share)} of its attention to “{escape(other)}”">'
        f"{told}</td>"
    )


def align_markup() -> str:
    """The frame that assets/modules/alignment.js fills."""
    return """
<div class="buttons under" id="compare-align-tools" hidden><span></span>
  <button type="button" class="act small" id="compare-align">Which words did it look at?</button></div>
<section class="card" id="align-card" aria-labelledby="align-title" hidden>
  <h2 class="title" id="align-title">Attention from written words to the input, %</h2>
  <div id="align-shown" role="status"></div></section>
"""

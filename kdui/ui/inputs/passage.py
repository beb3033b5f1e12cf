"""The part of Compare that takes a question and the passage that it is about."""

from kdui.ui.input_widget import InputWidget


def passage_html() -> str:
    """The frame that assets/modules/inputs/passage.js fills."""
    return """
    <div data-input="passage" hidden>
      <label class="field" for="compare-question"><span class="caps">Your question</span></label>
      <div class="say"><textarea id="compare-question" rows="1" placeholder="Who …? When …? Where …?"></textarea>
      <button type="button" class="act primary" id="compare-find">Predict</button></div>
      <label class="field" for="compare-passage"><span class="caps">The passage that holds its answer</span></label>
      <div class="say"><textarea id="compare-passage" class="passage" rows="6"
        placeholder="Paste a paragraph, or pick a test example below"></textarea></div>
    </div>"""


INPUT = InputWidget(name="passage", modalities=("passage",), html=passage_html, examples=4, pictures=False)

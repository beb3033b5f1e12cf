"""A text: typed, or picked; also what is typed for a modality without a widget of its own."""

from kdui.ui.compare_writing import sampling_html
from kdui.ui.input_widget import InputWidget


def text_html() -> str:
    """The frame that assets/modules/inputs/text.js fills."""
    return f"""
    <div data-input="text" hidden>
      <label class="field" for="compare-text"><span class="caps">Your input</span></label>
      <div class="say"><textarea id="compare-text" rows="2" placeholder="Type a sentence, or pick an example below"></textarea>
      <button type="button" class="act primary" id="compare-go">Predict</button></div>
      {sampling_html()}
    </div>"""


INPUT = InputWidget(name="text", modalities=("text",), html=text_html, examples=4, pictures=False, noun="test texts")

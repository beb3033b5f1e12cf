"""A toy widget: a sine of a chosen frequency."""

from kdui.ui.input_widget import InputWidget

FRAME = """
    <div data-input="wave" hidden><label class="field" for="wave-frequency"><span class="caps">Frequency</span>
      <input id="wave-frequency" type="range" min="0.1" max="0.9" step="0.1" value="0.1"></label></div>"""

INPUT = InputWidget(name="wave", modalities=("wave",), html=lambda: FRAME, examples=3, pictures=False)

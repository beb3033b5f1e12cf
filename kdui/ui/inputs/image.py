"""An image: drawn, uploaded or picked."""

from kdui.ui.input_widget import InputWidget


def image_html() -> str:
    """The frame that assets/modules/inputs/image.js fills."""
    return """
    <div data-input="image" class="drawing" hidden>
      <div><span class="caps">Your input</span> <span class="mute">draw here</span>
        <canvas id="compare-pad" width="224" height="224" tabindex="0" role="img"
          aria-label="Drawing pad: draw with mouse, pen or finger"></canvas>
        <div class="buttons"><button type="button" class="act small" id="compare-clear">Clear</button>
        <label class="act small" for="compare-file">Upload…
          <input class="sr-only" id="compare-file" type="file" accept="image/*"></label></div></div>
      <div class="pick-examples"><span class="caps">Test examples</span></div>
    </div>"""


INPUT = InputWidget(name="image", modalities=("image",), html=image_html, noun="test images")

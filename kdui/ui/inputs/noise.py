"""The part of Compare that takes noise: a seed, and a step along each of two directions."""

from kdui.modalities.noise.prepare import MOST_SEED
from kdui.ui.input_widget import InputWidget

FURTHEST = 3  # standard deviations that a slider reaches


def noise_html() -> str:
    """The frame that assets/modules/inputs/noise.js fills."""
    sliders = "".join(
        f'<label class="field" for="noise-{name}"><span class="caps">{title}</span> <output id="noise-{name}-value">0</output>'
        f'<input id="noise-{name}" type="range" min="-{FURTHEST}" max="{FURTHEST}" step="0.25" value="0"></label>'
        for name, title in (("first", "First direction"), ("second", "Second direction"))
    )
    return f"""
    <div data-input="noise" class="noise" hidden>
      <div><label class="field" for="noise-seed"><span class="caps">Seed of the noise</span>
        <input id="noise-seed" type="number" min="0" max="{MOST_SEED}" step="1" value="0"></label>
        <div class="buttons"><button type="button" class="act primary" id="noise-go">Make pictures</button>
        <button type="button" class="act small" id="noise-next">Next seed</button></div>
        {sliders}
        <p class="mute">One noise for all models. Sliders move it along two fixed directions, in standard deviations.</p></div>
      <div class="pick-examples"><span class="caps">Noise of the test data, by its seed</span></div>
    </div>"""


INPUT = InputWidget(name="noise", modalities=("noise",), html=noise_html, pictures=False)

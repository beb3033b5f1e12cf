"""The part of Compare that takes a sound: record, upload, listen, and see its waveform."""

from kdui.ui.input_widget import InputWidget


def sound_html() -> str:
    """The frame that assets/modules/inputs/sound.js fills."""
    return """
    <div data-input="sound" class="sound" hidden>
      <div><span class="caps">Your input</span> <span class="mute" data-modality="audio">one second is taken, the loudest</span>
        <span class="mute" data-modality="recording" hidden>all of it is transcribed, up to 30 s</span>
        <canvas id="compare-wave" width="448" height="112" role="img" aria-label="Waveform of the input: none yet"></canvas>
        <audio id="compare-listen" controls hidden></audio>
        <div class="buttons"><button type="button" class="act small" id="compare-record" aria-pressed="false">Record</button>
        <label class="act small" for="compare-sound">Upload…
          <input class="sr-only" id="compare-sound" type="file" accept="audio/*,.wav,.flac,.ogg"></label></div></div>
      <div class="pick-examples"><span class="caps">Test examples</span></div>
    </div>"""


INPUT = InputWidget(name="sound", modalities=("audio", "recording"), html=sound_html, noun="test recordings")

"""A transcript, and under the recording's spectrogram what is emitted frame by frame."""

from html import escape

from kdui.core.answers import Transcript
from kdui.core.plan import Role

NOTHING = "nothing"  # is transcribed


def html(part: Transcript, role: Role) -> str:
    """The text, then spectrogram and frames over the same time: a bar for the likeliest symbol, its name where it is emitted."""
    count = len(part.frames)
    bars = "".join(
        f'<b class="bar-fill {role}" style="left:{100 * place / count:.2f}%;width:{100 / count:.2f}%;'
        f'height:{100 * frame.probability:.0f}%"></b>'
        for place, frame in enumerate(part.frames)
        if frame.symbol
    )
    emitted = [(place, frame) for place, frame in enumerate(part.frames) if frame.emits]
    names = "".join(
        f'<span style="left:{100 * (place + 0.5) / count:.1f}%" title="probability {frame.probability:.0%}">'
        f"{escape(frame.symbol)}</span>"
        for place, frame in emitted
    )
    times = ", ".join(f"{frame.symbol} at {part.seconds * (place + 0.5) / count:.1f} s" for place, frame in emitted)
    about = f"Emitted over {part.seconds:.1f} s: {times or NOTHING}"
    return (
        f'<p class="transcript"><b>{escape(part.text) or NOTHING}</b></p>'
        f'<div class="frames" role="img" aria-label="{escape(about)}">'
        f'<img alt="" src="data:image/png;base64,{part.spectrogram}">'
        f'<div class="strip">{bars}</div><div class="names">{names}</div></div>'
        '<p class="mute">Bars: probability of the likeliest symbol in each frame. Names: where one is emitted, '
        f"over {part.seconds:.1f} s.</p>"
    )


def summary(part: Transcript) -> tuple[str, ...]:
    """The text."""
    return (part.text or NOTHING,)

"""Small images of what goes from teacher to student: one for each kind of transfer, with the words of each method.

Inline SVG in the page's own colour variables, so one image serves both themes.
"""

from html import escape

from kdui.core.method import Method

# Kind of transfer -> title, one sentence, and the words below the arrow where a method has none of its own.
GROUPS = {
    "outputs": ("Outputs", "Predictions of the teacher", "softened predictions"),
    "representations": ("Representations", "Intermediate features of the teacher", "features"),
    "relations": ("Relations", "Relations between examples in the teacher's feature space", "distances, angles"),
    "data": ("Data", "Examples labelled by the teacher", "labelled examples"),
    "sources": ("Several sources", "Several teachers or peers", "several predictions"),
    "": ("Others", "Other ways to learn from a teacher", "knowledge"),
}
WIDTH, HEIGHT = 320, 132
MIDDLE = 58  # height at which things flow


def group_of(method: Method) -> str:
    """The kind of transfer it is listed under."""
    return method.transfers if method.transfers in GROUPS else ""


def flow_of(method: Method) -> str:
    """What travels along the arrow, in a few words."""
    return method.flow or GROUPS[group_of(method)][2]


def picture_of(method: Method) -> str:
    """The picture it is shown with: a key of ``DRAWINGS``."""
    return method.picture or group_of(method) or "outputs"


def diagram(picture: str, flow: str) -> str:
    """One image as inline SVG; ``flow`` stands below the arrow and is what a screen reader is told."""
    return (
        f'<svg class="diagram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>What is passed on: {escape(flow)}</title>{DRAWINGS[picture]}"
        f'<text class="flow" x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(flow)}</text></svg>'
    )


# --- parts -----------------------------------------------------------------------------------------------------------------


def _box(x: float, y: float, width: float, height: float, role: str, word: str = "") -> str:
    text = f'<text x="{x + width / 2}" y="{y + height / 2 + 5}" text-anchor="middle">{word}</text>' if word else ""
    return f'<rect class="{role}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>{text}'


def _teacher(y: float = MIDDLE - 36, height: float = 72, word: str = "Teacher") -> str:
    return _box(2, y, 86, height, "teacher", word)


def _student(word: str = "Student") -> str:
    return _box(232, MIDDLE - 24, 86, 48, "student", word)


def _arrow(x1: float, x2: float, y1: float = MIDDLE, y2: float = MIDDLE, *, both: bool = False) -> str:
    """A line with a head at its right end, or at both."""
    heads = f'<path class="head" d="M{x2 - 9} {y2 - 5}L{x2} {y2}L{x2 - 9} {y2 + 5}"/>'
    if both:
        heads += f'<path class="head" d="M{x1 + 9} {y1 - 5}L{x1} {y1}L{x1 + 9} {y1 + 5}"/>'
    return f'<path class="line" d="M{x1} {y1}L{x2 - 1} {y2}"/>{heads}'


def _bars(x: float, heights: tuple[int, ...]) -> str:
    """An answer: a probability a label."""
    base = MIDDLE + 22
    return "".join(
        f'<rect class="solid" x="{x + 15 * place}" y="{base - height}" width="11" height="{height}" rx="2"/>'
        for place, height in enumerate(heights)
    )


def _layers(x: float, heights: tuple[int, ...], role: str, word: str) -> str:
    """A network with its layers showing, and its name above."""
    bars = "".join(f'<rect class="{role}" x="{x}" y="{y - 7}" width="82" height="14" rx="5"/>' for y in heights)
    return f'{bars}<text x="{x + 41}" y="14" text-anchor="middle">{word}</text>'


def _points(x: float, scale: float, role: str, word: str) -> str:
    """Three examples as a model places them, joined by their distances."""
    places = [(x + dx * scale, MIDDLE + 10 + dy * scale) for dx, dy in ((-26, 20), (-4, -26), (28, 12))]
    path = "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in places) + "Z"
    dots = "".join(f'<circle class="{role} dot" cx="{px:.1f}" cy="{py:.1f}" r="6"/>' for px, py in places)
    return f'<path class="line {role}" d="{path}"/>{dots}<text x="{x}" y="14" text-anchor="middle">{word}</text>'


def _pages() -> str:
    """A stack of examples, each with its label."""
    return (
        "".join(
            f'<rect class="page" x="{126 + 8 * place}" y="{MIDDLE - 28 + 8 * place}" width="48" height="36" rx="4"/>'
            for place in range(3)
        )
        + "".join(f'<path class="mute" d="M150 {MIDDLE + y}h24"/>' for y in (-4, 4))
        + f'<circle class="solid" cx="182" cy="{MIDDLE + 15}" r="5"/>'
    )


DRAWINGS = {
    "outputs": _teacher() + _arrow(90, 122) + _bars(128, (40, 22, 12, 6)) + _arrow(194, 230) + _student(),
    "representations": _layers(4, (34, 54, 74, 94), "teacher", "Teacher")
    + _arrow(90, 230, 54, 48)
    + _arrow(90, 230, 94, 82)
    + _layers(234, (48, 65, 82), "student", "Student"),
    "relations": _points(48, 1.1, "teacher", "Teacher")
    + _arrow(104, 218, MIDDLE + 8, MIDDLE + 8)
    + _points(270, 0.8, "student", "Student"),
    "data": _teacher() + _arrow(90, 122) + _pages() + _arrow(194, 230) + _student(),
    "sources": _teacher(MIDDLE - 50, 44)
    + _box(2, MIDDLE + 4, 86, 44, "teacher", "Teacher 2")
    + _arrow(90, 150, MIDDLE - 28, MIDDLE - 4)
    + _arrow(90, 150, MIDDLE + 26, MIDDLE + 4)
    + f'<circle class="page" cx="162" cy="{MIDDLE}" r="12"/>'
    + f'<path class="line" d="M156 {MIDDLE}h12M162 {MIDDLE - 6}v12"/>'
    + _arrow(176, 230)
    + _student(),
    "chain": _teacher() + _arrow(90, 116) + _box(118, MIDDLE - 30, 84, 60, "between", "Between") + _arrow(204, 230) + _student(),
    "exchange": _teacher() + _arrow(96, 224, both=True) + _student(),
    "peers": _box(2, MIDDLE - 24, 86, 48, "student", "Student 2") + _arrow(96, 224, both=True) + _student(),
}

"""The place of a chart in a panel: its title, what it says, one menu with its downloads, and the button that pins it."""


def chart_frame(name: str, control: str = "", *, text: bool = False, heading: str = "h3", pin: bool = True) -> str:
    """What ``assets/modules/chart_frame.js`` fills; ``text``: sentences below the chart. Ids are NAME-title and so on."""
    below = f'<ul class="lead evidence-text" id="{name}-text"></ul>' if text else ""
    return f'<div id="{name}">{chart_parts(name, control, below, heading, pin)}</div>'


def chart_parts(name: str, control: str = "", below: str = "", heading: str = "h3", pin: bool = True) -> str:
    """What stands in such a frame, for one that brings its own element ``#NAME``."""
    return (
        f'<{heading} class="title" id="{name}-title">&nbsp;</{heading}><p class="lead" id="{name}-subtitle"></p>{control}'
        f'<div class="plot" id="{name}-chart" role="img" aria-labelledby="{name}-title {name}-subtitle" hidden></div>{below}'
        f'<div class="empty" id="{name}-note" hidden></div>'
        f'<div class="under"><span></span>{pin_button(name) if pin else ""}{download_menu(name)}</div>'
    )


def pin_button(place: str, hidden: bool = True) -> str:
    """Makes a slide of what that place shows; of a chart hidden until it is drawn. ``kdui/ui/pins`` knows the places."""
    return f'<button type="button" class="act small pin" data-pin="{place}"{" hidden" if hidden else ""}>Pin</button>'


def download_menu(name: str = "") -> str:
    """The chart as PNG or SVG, and its table as CSV; of chart ``name`` hidden until it is drawn, else the panel's own one."""
    of, hidden = (f' data-of="{name}"', " hidden") if name else ("", "")
    saves = "".join(
        f'<button type="button" class="act small" data-save="{kind}"{of}>{kind.upper()}</button>'
        for kind in ("png", "svg", "csv")
    )
    return (
        f'<details class="menu"{hidden}><summary class="act small" aria-describedby="{name or "explore"}-title">Download '
        f'<span aria-hidden="true">▾</span></summary><div class="menu-items">{saves}</div></details>'
    )

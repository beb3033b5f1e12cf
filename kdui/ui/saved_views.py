"""Saved views: the address of what is shown under a name, in a menu of Runs and Explore."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from kdui.core.saved_view import View

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


class ViewCalls:
    """What the browser can ask about saved views."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def saved_views(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All of them as a list of links; ``save`` (a name, with ``query``) or ``remove`` (a name) change it first."""
        views = self.workbench.store.views
        if name := " ".join(str(payload.get("save") or "").split()):
            views.save(View(name=name, query=str(payload.get("query") or "")))
        elif name := str(payload.get("remove") or ""):
            views.remove(name)
        items = "".join(
            f'<li><a class="name" href="?{escape(view.query)}">{escape(view.name)}</a>'
            f'<button type="button" class="act small" data-remove-view="{escape(view.name)}" '
            f'aria-label="Delete the view {escape(view.name)}">✕</button></li>'
            for view in views.all()
        )
        return {
            "html": f"<ul>{items}</ul>" if items else '<p class="lead">None yet: filter, sort or compare, then save it here.</p>'
        }


def views_menu(tab: str) -> str:
    """A menu that assets/modules/saved_views.js fills; ``tab`` makes its ids its own."""
    return f"""
<details class="menu views" id="views-{tab}"><summary class="act small">Views <span aria-hidden="true">▾</span></summary>
  <div class="menu-items"><h3 class="sub">Saved views</h3><div class="views-list"></div>
    <label class="field" for="view-name-{tab}"><span>Save what is shown as</span>
      <input id="view-name-{tab}" maxlength="80" autocomplete="off"></label>
    <div class="buttons"><button type="button" class="act small" data-save-view>Save view</button>
      <button type="button" class="act small" data-copy-address>Copy link</button></div>
    <p class="lead views-told" role="status"></p></div></details>"""

"""The lecturer's screen of a class, over any tab: how to join, who is there, and what the class answers."""

from collections.abc import Mapping
from html import escape
from typing import Any, Literal, NamedTuple

from pydantic import Field

from kdui.core.plain import Frozen
from kdui.ui.class_address import join_link
from kdui.ui.panel import create_panel
from kdui.ui.qr_code import qr_svg
from kdui.workbench.classroom.room import Activity, Room

LONGEST_LINK = 100  # bytes; a QR code of version 6 holds a little more


class Bound(NamedTuple):
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 7860


HERE = Bound()


class Act(Frozen):
    """What the lecturer does."""

    act: Literal["open", "close", "show", "reveal", "clear", "freeze", "thaw", "choose", "install"]
    activity: Activity = "wait"
    lesson: str = Field(default="", max_length=80)
    model: str = Field(default="", max_length=64)
    origin: str = Field(default="", max_length=300)


def create_classroom(room: Room, bound: Bound) -> None:
    """A dialog that lessons open; closed until then, and asked for nothing."""
    calls = ClassroomCalls(room, bound)
    create_panel("classroom", MARKUP, [calls.class_look, calls.class_act])


class ClassroomCalls:
    """What the lecturer's browser can ask; participants have routes of their own (``class_routes``)."""

    def __init__(self, room: Room, bound: Bound):
        self.room, self.bound = room, bound

    def class_look(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The class as it stands, with its join link for a page that its browser names ``origin``."""
        told = self.room.lecturer()
        if not told["open"]:
            return told
        link = join_link(str(payload.get("origin") or ""), *self.bound, code=told["code"])
        qr = qr_svg(link) if 0 < len(link.encode()) <= LONGEST_LINK else ""
        return {**told, "link": link, "qr": qr, "port": self.bound.port}

    def class_act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Open, show, reveal, clear, freeze, choose a model, fetch the runtime or close; the class afterwards."""
        wished = Act.model_validate(payload)
        if wished.act == "open":
            self.room.open()
        elif wished.act == "close":
            self.room.close()
        elif wished.act == "show":
            self.room.open()
            self.room.show(wished.activity, wished.lesson)
        elif wished.act == "reveal":
            self.room.reveal()
        elif wished.act == "clear":
            self.room.clear()
        elif wished.act == "choose":
            self.room.choose(wished.model)
        elif wished.act == "install":
            self.room.students.install()
        else:
            self.room.freeze(wished.act == "freeze")
        return self.class_look({"origin": wished.origin})


ACTIVITIES = (("question", "Question"), ("board", "Board"), ("drawing", "Digits"))
_SWITCH = "".join(
    f'<button type="button" class="act" data-show="{escape(name)}" aria-pressed="false">{escape(title)}</button>'
    for name, title in ACTIVITIES
)
MARKUP = f"""
<dialog id="class-screen" class="class-screen" aria-labelledby="class-title">
  <header class="class-head"><h2 id="class-title">Class</h2>
    <div class="buttons" role="group" aria-label="What the class sees">{_SWITCH}</div><span class="push"></span>
    <button type="button" class="act" id="class-end">End the class</button>
    <button type="button" class="act" id="class-hide" aria-label="Back to the page">✕</button></header>
  <div id="class-problem"></div>
  <div class="class-body"><section id="class-join" class="class-join" aria-label="How to join"></section>
    <section id="class-shown" class="class-shown" aria-live="polite"></section></div>
</dialog>
"""

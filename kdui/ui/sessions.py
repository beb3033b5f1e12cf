"""Gradio's memory of each visitor, without the copy of the whole page's configuration that it keeps for its deep links.

Making that copy is a quarter of what a program's call costs the event loop, and 0.9 MB a session. The page has no deep links.
"""

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
from gradio.state_holder import SessionState, StateHolder


class Session(SessionState):
    """What one visitor's events share; a component's configuration is made when an event changes it."""

    def __init__(self, page: gr.Blocks):
        super().__init__(cast(gr.Blocks, SimpleNamespace(default_config=page.default_config, blocks={})))


class Sessions(StateHolder):
    """All visitors' sessions, as many as the page keeps."""

    def __getitem__(self, session_id: str) -> Any:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)

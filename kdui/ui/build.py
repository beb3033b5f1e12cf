"""Build: what to distill, how, and what it will cost before it starts."""

from typing import Any

import gradio as gr

from kdui.ui.shell import PageState


def create_build(workbench: Any, page_state: PageState) -> None:
    """Three columns: what, how, what it will cost."""
    with gr.Row(elem_classes="cols three"):
        with gr.Column(elem_classes="card"):
            gr.HTML('<h2 class="label">What</h2>')

"""What Gradio keeps of each visitor."""

import gradio as gr

from kdui.ui.sessions import Sessions


def test_a_session_keeps_what_its_own_events_changed_and_no_copy_of_the_page():
    with gr.Blocks() as page:
        box = gr.Textbox("as it is")
    page.state_session_capacity = 2
    sessions = Sessions()
    sessions.set_blocks(page)
    first, second = sessions["first"], sessions["second"]
    assert first.config_values == {} and sessions["first"] is first is not second
    assert first[box._id] is box and first.blocks_config.fns == page.fns
    first._update_value_in_config(box._id, "changed")
    assert [part["props"]["value"] for part in first.components] == ["changed"]
    assert not list(second.components) and box.value == "as it is"
    assert sessions["third"] is not first and "second" not in sessions  # the one that was used longest ago has gone

"""The page's outer edge: whatever a handler, a server function or a route raises is one sentence, its traceback in the log."""

import gradio as gr
import pytest

from kdui.core.errors import RecipeError
from kdui.ui.edge import guard_handlers, route_error
from kdui.ui.page import create_page
from kdui.unforeseen import LOG
from kdui.workbench.workbench import Workbench


def stumble(asked):
    raise LookupError(f"hf_secret {asked}")


def refuse(asked):
    raise RecipeError("Choose another teacher.")


@pytest.fixture
def page(tmp_path):
    with gr.Blocks() as demo:
        button = gr.Button()
        button.click(stumble, button)
        button.click(refuse, button)
        panel = gr.HTML("x", server_functions=[stumble, refuse])
    guard_handlers(demo, tmp_path)
    return demo, panel


def test_a_handler_that_raises_shows_a_sentence_and_logs_the_rest(page, tmp_path):
    handlers = [handler.fn for handler in page[0].fns.values()]
    with pytest.raises(gr.Error) as shown:
        handlers[0]("x")
    assert "LookupError" in str(shown.value) and "secret" not in str(shown.value) and str(tmp_path / LOG) in str(shown.value)
    assert "hf_secret x" in (tmp_path / LOG).read_text()
    with pytest.raises(gr.Error, match=r"^'Choose another teacher\.'$"):
        handlers[1]("x")


def test_a_server_function_that_raises_answers_with_a_sentence(page, tmp_path):
    _, panel = page
    assert panel.refuse({}) == {"error": "Choose another teacher."}
    answer = panel.stumble({"x": 1})
    assert str(tmp_path / LOG) in answer["error"] and "secret" not in answer["error"]
    assert [function({}) for function in panel.server_fns] == [panel.stumble({}), panel.refuse({})]


def test_a_route_that_raises_answers_with_a_sentence(tmp_path):
    result = route_error(tmp_path)(None, ValueError("hf_secret"))
    assert result.status_code == 500 and b"secret" not in result.body and str(tmp_path / LOG).encode() in result.body


def test_every_server_function_of_the_page_answers_anything_with_a_mapping(settings):
    demo = create_page(Workbench(settings))
    request = [None, [], "x", 5, {}, {"run": {}}, {"run": "0", "cursor": "x", "act": "move"}, {"task": ["digits"], "page": -1}]
    functions = [function for block in demo.blocks.values() for function in getattr(block, "server_fns", ()) if block.elem_id]
    names = {function.__name__ for function in functions}
    assert {"run_table", "run_detail", "run_act", "compare_ask"} <= names
    for function in functions:
        for given in request:
            assert isinstance(function(given), dict), (function.__name__, given)
    assert all(hasattr(handler.fn, "__wrapped__") for handler in demo.fns.values() if handler.fn is not None)

"""A teacher behind a server that continues texts: whether it answers, and its names for the methods that have it write."""

from typing import Any

from kdui.core.errors import StageFailed
from kdui.core.layout import REMOTE_FILE
from kdui.methods.teach.teach.black_box import unchanged
from kdui.runtime.remote_server import Question, RemoteServer
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext

TRIAL = Question("Continue the text. Write the continuation alone.", "Once upon a time, there was a", 8)


def take_writer(context: StepContext) -> dict[str, Any]:
    """Ask for one continuation; keep the names of server and model. Raises StageFailed in words where none comes."""
    facts = unchanged(context)
    server = RemoteServer(facts.ref.name, facts.options["model"], context.app_settings)
    try:
        reply = server.reply(TRIAL)
    finally:
        server.close()
    if not reply.text.strip():
        raise StageFailed(f"{facts.title} writes nothing when it is asked to continue a text. Choose another model.")
    context.report.log(f"{facts.title} continues a text: “{TRIAL.text} {' '.join(reply.text.split())[:60]}”")
    write_json(context.out / REMOTE_FILE, {"server": facts.ref.name, "model": facts.options["model"]})
    return {"server": facts.ref.name, "model": facts.options["model"]}

"""A real workbench over tiny models that generate text, answered by a real serving process."""

from kdui.catalogue.tasks import TASKS
from kdui.core.answer_facts import NextToken
from kdui.core.chat import ChatFormat
from kdui.core.contracts import TaskFacts
from kdui.core.page_rows import Example, Servable
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.serving.generators import circle, store_generator

MODEL, OTHER = "ab" * 32, "cd" * 32  # words in a circle, and in the same one backwards
TASK = "writing"
CHAT_FORMAT = ChatFormat(template="{{ messages[0].content }} one")


class WithWriters(Workbench):
    """Two models that write stand in the store; what a run would have measured of them is given."""

    def __init__(self, settings: Settings):
        super().__init__(settings)
        store_generator(settings, MODEL, chat=CHAT_FORMAT)
        store_generator(settings, OTHER, table=circle().T, chat=CHAT_FORMAT)

    def tasks(self) -> list[TaskFacts]:
        texts = TASKS["sentiment"].model_copy(update={"name": TASK, "problem": "language-model", "answer": NextToken()})
        return [*super().tasks(), texts]

    def servable(self, task: str) -> list[Servable]:
        return [
            Servable(
                digest=digest,
                title=f"Writer {number}",
                role=role,
                task=task,
                run="r",
                file_bytes=1000,
                headline="1.5 bits",
                chat=True,
            )
            for number, (digest, role) in enumerate([(MODEL, "teacher"), (OTHER, "student")])
        ]

    def examples(self, task: str, n: int = 12, offset: int = 0) -> list[Example]:
        return [Example(index=offset, truth="", text="one two three " * 20)]

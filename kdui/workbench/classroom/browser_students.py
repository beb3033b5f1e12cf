"""Models that a participant's browser can run by itself: small ones of the digits, as files, with ONNX Runtime for browsers."""

from typing import TYPE_CHECKING, NamedTuple

from kdui.catalogue.browser_runtime import install, installed
from kdui.catalogue.tasks import TASKS
from kdui.core.answer_facts import Labels
from kdui.core.errors import KduiError
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.workbench.classroom.board import RUN_NAME

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

TASK = "digits"
LARGEST = 4_000_000  # bytes that each phone in the room has to fetch
MOST = 20
PLAIN = {"height", "width", "channels"}  # settings of an input that the page of a participant can make


class BrowserStudent(NamedTuple):
    """A model to choose: ``title`` says which, ``bytes`` what travels to each participant."""

    digest: str
    title: str
    bytes: int


class BrowserStudents:
    """What the workbench's store has of them: students first, the class's own runs after others, then the newest."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def offered(self) -> list[BrowserStudent]:
        """Measured models of the digits that take plain pixels of the data's size."""
        small = [model for model in self.workbench.servable(TASK) if 0 < model.file_bytes <= LARGEST]
        small.sort(key=lambda model: (model.role != "student", model.run_name.startswith(RUN_NAME)))
        fit = [model for model in small[: 3 * MOST] if self._takes_plain_pixels(model.digest)]
        return [
            BrowserStudent(model.digest, f"{model.title}, {model.headline} ({model.run_name})", model.file_bytes)
            for model in fit[:MOST]
        ]

    def _takes_plain_pixels(self, digest: str) -> bool:
        try:
            settings = read_inputs(self.workbench.store.artifacts.bring(digest)).settings
        except (KduiError, OSError, ValueError):  # Compare says what is wrong with it
            return False
        return set(settings) == PLAIN and all(settings[key] == TASKS[TASK].input[key] for key in PLAIN)

    def file(self, digest: str) -> bytes:
        """The ONNX file, its checksum verified; raises StoreError in words."""
        return self.workbench.store.artifacts.open(digest).file(MODEL_FILE).read_bytes()

    @property
    def runtime(self) -> bool:
        """Whether ONNX Runtime for browsers is here."""
        return installed(self.workbench.settings) is not None

    def install(self) -> None:
        """Fetch it with npm; raises SourceError in words."""
        install(self.workbench.settings)

    def classes(self) -> list[str]:
        """The digits, in the order of a model's outputs."""
        answer = TASKS[TASK].answer
        return list(answer.names) if isinstance(answer, Labels) else []

"""TensorBoard event files in the run's folder: ``tensorboard --logdir KDUI_HOME/runs`` shows all runs, also while they train."""

from collections.abc import Mapping

from tensorboardX import SummaryWriter

from kdui.core.run import Run, RunState
from kdui.store.store import Store

FOLDER = "tensorboard"
FLUSH_SECONDS = 5


def open_tracker(store: Store, run: Run) -> "TensorBoard":
    """A writer beside the run's events; a run that is resumed adds a file."""
    return TensorBoard(SummaryWriter(str(store.folder(run.id) / FOLDER), flush_secs=FLUSH_SECONDS))


class TensorBoard:
    """Scalars by their names."""

    def __init__(self, writer: SummaryWriter):
        self.writer = writer

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self, state: RunState) -> None:
        self.writer.close()

"""The boxes of composed scenes."""

from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.boxes import filled_up
from kdui.tasks.composed_scenes.load import scenes
from kdui.tasks.examples import Examples


def load(folder: Path) -> dict[Split, Examples]:
    """The same scenes as for segmentation; items don't overlap, their boxes may."""
    return {
        split: Examples(np.stack([scene.levels for scene in of_split])[..., None], filled_up([scene.boxes for scene in of_split]))
        for split, of_split in scenes(folder).items()
    }

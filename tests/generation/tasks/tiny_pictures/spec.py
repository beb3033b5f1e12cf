"""Facts of the tiny pictures: those of the real task, with fewer of them."""

from kdui.core.source import Bundled, Resource
from kdui.tasks.fashion_pictures.spec import TASK as WHOLE

TASK = WHOLE.model_copy(
    update={
        "name": "tiny-pictures",
        "title": "Tiny pictures",
        "splits": {"train": 96, "validation": 40, "test": 40},
        "resource": Resource(name="digits", title="digits", licence="BSD", sources=(Bundled(package="sklearn"),)),
    }
)

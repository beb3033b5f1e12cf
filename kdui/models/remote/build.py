"""A teacher behind a server cannot be built; nothing is ever prepared for it, for it is sent the texts themselves."""

from kdui.models.black_box.build import build, inputs

__all__ = ["build", "inputs"]

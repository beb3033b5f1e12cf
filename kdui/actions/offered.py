"""All actions: whoever needs them imports them from here."""

from kdui.actions import after, before, running
from kdui.actions.registry import ACTIONS, Action, known_action

__all__ = ["ACTIONS", "Action", "after", "before", "known_action", "running"]

"""Settings that have a new name: old recipes and stores stay readable, and digests keep the name that they were made with."""

from typing import Any

# Old name -> name of today. A name belongs to one method or means the same in all of them.
RENAMED = {
    "course": "prune_schedule",
    "temperature_course": "temperature_schedule",
    "soft_weight_course": "soft_weight_schedule",
    "elsewhere": "out_of_domain",
    "objective": "problem",
}
_DIGESTED = {new: old for old, new in RENAMED.items()}


def current_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings by their names of today; raises ValueError where one is given under both of its names."""
    if settings.keys().isdisjoint(RENAMED):
        return settings
    for old, new in RENAMED.items():
        if old in settings and new in settings:
            raise ValueError(f"'{old}' is the old name of '{new}'. Keep one of them")
    return {RENAMED.get(name, name): value for name, value in settings.items()}


def digested_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings by the names that go into a digest."""
    return {_DIGESTED.get(name, name): value for name, value in settings.items()}

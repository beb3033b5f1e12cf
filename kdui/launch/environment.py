"""The environment of a process that kdui starts."""

import os

from kdui.settings import VARIABLES, Settings

PAGE_ONLY = ("auth", "allowed_hosts")  # settings that no child process needs: the password is the page's alone


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker or the serving process: this one's with the settings, without the page's password."""
    kept = {name: value for name, value in os.environ.items() if name not in {VARIABLES[field] for field in PAGE_ONLY}}
    return {**kept, **environment_of(settings)}


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, so that a child process has the same ones."""
    given = {VARIABLES[name]: getattr(settings, name) for name in VARIABLES if name not in PAGE_ONLY}
    return {
        key: ("1" if value is True else "0" if value is False else str(value))
        for key, value in given.items()
        if value is not None
    }

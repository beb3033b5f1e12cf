"""The environment of a process that kdui starts."""

import os
from collections.abc import Mapping

from kdui.settings import VARIABLES, Settings

# Settings that no child process needs: the password is the page's alone.
PAGE_ONLY = (
    "auth",
    "allowed_hosts",
    "webhook",
    "read_only",
    "root_path",
    "proxy_header",
    "proxy_address",
    "proxy_role",
    "person_runs",
    "person_disk_gb",
    "person_upload_mb",
)


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker or the serving process: this one's with the settings, without the page's password."""
    kept = {name: value for name, value in os.environ.items() if name not in {VARIABLES[field] for field in PAGE_ONLY}}
    return {**kept, **environment_of(settings)}


def worker_environment(slot: str | None, given: Mapping[str, str]) -> dict[str, str]:
    """``given`` with what a worker on that slot needs beside it."""
    environment = {**given, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "true"}
    # Threads that spin while they wait starve each other as soon as anything else runs: small models then train 20 times slower.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if slot and slot.startswith("cuda:"):
        environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return environment


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, so that a child process has the same ones."""
    given = {VARIABLES[name]: getattr(settings, name) for name in VARIABLES if name not in PAGE_ONLY}
    given[VARIABLES["api_keys"]] = settings.api_keys and settings.api_keys.get_secret_value()
    return {
        key: ("1" if value is True else "0" if value is False else str(value))
        for key, value in given.items()
        if value is not None
    }

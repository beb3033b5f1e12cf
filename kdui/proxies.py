"""Proxies of the environment: they are for the network outside, never for this machine itself."""

import contextlib
import importlib.util
import os
from collections.abc import Iterator

LOOPBACK = ("localhost", "127.0.0.1", "::1")
VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
# Who speaks SOCKS for whom: requests for package indexes, httpx for the hub.
PACKAGES = {"requests": ("socks", "PySocks"), "httpx": ("socksio", "socksio")}


def spare_loopback() -> None:
    """Tell every library of this process and of those that it starts to reach this machine without a proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        if name == "NO_PROXY" and os.name == "nt":
            continue  # the same variable there
        given = [part.strip() for part in os.environ.get(name, os.environ.get(name.swapcase(), "")).split(",") if part.strip()]
        more = [] if "*" in given else [host for host in LOOPBACK if host not in given]
        os.environ[name] = ",".join([*given, *more])


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """No proxy at all in here: Gradio asks its own address before it serves, and cannot even be imported beside a SOCKS proxy
    whose package is missing. Other threads must not start processes meanwhile."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.lower() in VARIABLES}
    try:
        yield
    finally:
        os.environ.update(kept)


def missing_support(library: str) -> str | None:
    """A sentence where a SOCKS proxy is set that ``library`` cannot use for lack of a package; else None."""
    module, package = PACKAGES[library]
    for name in (name for name in os.environ if name.lower() in VARIABLES):
        if os.environ[name].lower().startswith("socks") and importlib.util.find_spec(module) is None:
            return f"{name} names a SOCKS proxy, for which the package {package} is missing: run 'pip install {package}'"
    return None

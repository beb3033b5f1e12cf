"""Paths, limits and switches of one process, read from environment variables once and checked together."""

import ipaddress
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator

from kdui.core.api_servers import named_values, server_addresses
from kdui.core.bounds import allowed, listed, shown
from kdui.core.errors import SettingsError
from kdui.core.people import Role
from kdui.core.plain import Frozen

LAUNCHERS = sorted(path.stem for path in (Path(__file__).parent / "launch" / "launchers").glob("*.py") if path.stem != "__init__")
_NO_SETTING = ("__init__", "tracker", "tensorboard")  # the last one is always on
TRACKERS = sorted(
    path.stem for path in (Path(__file__).parent / "engine" / "trackers").glob("*.py") if path.stem not in _NO_SETTING
)
VARIABLES = {
    "home": "KDUI_HOME",
    "data_dir": "KDUI_DATA_DIR",
    "database_url": "KDUI_DATABASE_URL",
    "artifacts_url": "KDUI_ARTIFACTS_URL",
    "artifacts_dir": "KDUI_ARTIFACTS_DIR",
    "launcher": "KDUI_LAUNCHER",
    "host": "KDUI_HOST",
    "port": "KDUI_PORT",
    "allowed_hosts": "KDUI_ALLOWED_HOSTS",
    "offline": "KDUI_OFFLINE",
    "auth": "KDUI_AUTH",
    "proxy_header": "KDUI_PROXY_HEADER",
    "proxy_address": "KDUI_PROXY_ADDRESS",
    "proxy_role": "KDUI_PROXY_ROLE",
    "person_runs": "KDUI_PERSON_RUNS",
    "person_disk_gb": "KDUI_PERSON_DISK_GB",
    "person_upload_mb": "KDUI_PERSON_UPLOAD_MB",
    "quickstart": "KDUI_QUICKSTART",
    "cache_gb": "KDUI_CACHE_GB",
    "store_gb": "KDUI_STORE_GB",
    "runs_per_gpu": "KDUI_RUNS_PER_GPU",
    "ray_cpus": "KDUI_RAY_CPUS",
    "beat_seconds": "KDUI_BEAT_SECONDS",
    "stall_minutes": "KDUI_STALL_MINUTES",
    "serving_memory_mb": "KDUI_SERVING_MEMORY_MB",
    "serving_timeout_s": "KDUI_SERVING_TIMEOUT_S",
    "graph_answer_s": "KDUI_GRAPH_ANSWER_S",
    "graph_total_s": "KDUI_GRAPH_TOTAL_S",
    "graph_memory_mb": "KDUI_GRAPH_MEMORY_MB",
    "api_servers": "KDUI_API_SERVERS",
    "api_keys": "KDUI_API_KEYS",
    "api_parallel": "KDUI_API_PARALLEL",
    "api_per_minute": "KDUI_API_PER_MINUTE",
    "api_timeout_s": "KDUI_API_TIMEOUT_S",
    "webhook": "KDUI_WEBHOOK",
    "read_only": "KDUI_READ_ONLY",
    "root_path": "KDUI_ROOT_PATH",
    "trackers": "KDUI_TRACKERS",
}
# What a variable may be where its field's type and bounds don't say it.
SHAPES = {
    "home": "a folder",
    "data_dir": "a folder",
    "database_url": "a database's address, e.g. sqlite:////path/kdui.db or postgresql://user:password@host/name",
    "artifacts_url": "an address that fsspec opens, e.g. s3://bucket/kdui or file:///mnt/kdui",
    "artifacts_dir": "a folder",
    "host": "the name or address of a network interface, e.g. 127.0.0.1",
    "auth": "user:password",
    "proxy_header": "the name of a header, e.g. X-Remote-User, together with KDUI_PROXY_ADDRESS",
    "proxy_address": "IP addresses with commas between, e.g. 127.0.0.1, together with KDUI_PROXY_HEADER",
    "proxy_role": "viewer, runner or host",
    "api_servers": "name=address, several parted by spaces, e.g. ollama=http://127.0.0.1:11434/v1",
    "api_keys": "name=key, several parted by spaces, with names of KDUI_API_SERVERS",
    "webhook": "an address that begins with https:// or http://",
    "root_path": "a path like /kdui, as the proxy serves it",
    "trackers": "names with commas between, of: mlflow, trackio, wandb",
}


class Settings(Frozen):
    """Where things are kept and what is allowed. ``Settings.from_environment()`` is called once a process."""

    home: Path = Field(description="store, cache and run folders")
    data_dir: Path | None = Field(default=None, description="folder with data files that the user brought")
    database_url: str | None = Field(default=None, repr=False, description="SQLAlchemy URL; default: SQLite in home")
    artifacts_url: str | None = Field(
        default=None,
        repr=False,
        description="where the machines of a cluster share artifacts: an fsspec address; default: nowhere",
    )
    artifacts_dir: Path | None = Field(
        default=None, description="folder of artifacts, on a cluster each machine's own disk; default: in home"
    )
    launcher: str = Field(
        default="local",
        description="where runs run, a module of kdui/launch/launchers: a process each on this machine, jobs of a Ray cluster, …",
    )
    host: str = Field(default="127.0.0.1", description="where the page is served; any but this machine needs KDUI_AUTH")
    port: int = Field(default=7860, ge=0, le=65535, description="where the page is served")
    allowed_hosts: str | None = Field(default=None, description="names, beside this machine's own, under which the page answers")
    offline: bool = Field(default=False, description="never use the network")
    auth: str | None = Field(default=None, repr=False, description="user:password for the page")
    proxy_header: str = Field(default="", description="header in which a trusted proxy names the person who asks")
    proxy_address: str = Field(default="", description="addresses of that proxy; nobody else is answered then")
    proxy_role: Role = Field(default=Role.VIEWER, description="role of people whom the proxy names for the first time")
    person_runs: int = Field(default=0, ge=0, le=100_000, description="runs of one runner that wait or run at a time; 0: any")
    person_disk_gb: float = Field(default=0.0, ge=0, le=1e6, description="GB of results of one runner's runs; 0: any")
    person_upload_mb: float = Field(default=0.0, ge=0, le=1e9, description="MB that one runner may upload a day; 0: any")
    quickstart: bool = Field(default=True, description="queue the quickstart (the recipe few-labels) on the first start")
    cache_gb: float = Field(default=20.0, gt=0, description="disk limit of the teacher-output cache (LRU)")
    store_gb: float = Field(
        default=0.0, ge=0, description="disk limit of all artifacts (LRU; results and pinned runs stay); 0: none"
    )
    runs_per_gpu: int = Field(default=1, ge=1, le=64, description="runs that share a GPU at a time; small models leave it idle")
    ray_cpus: int = Field(default=1, ge=1, le=1024, description="cores that the launcher ray reserves for each run")
    beat_seconds: float = Field(
        default=1.0, ge=0.1, le=10.0, description="seconds between two heartbeats of a worker: each is an update of the database"
    )
    stall_minutes: float = Field(
        default=30.0, gt=0, le=1e6, description="a worker without a sign of work for so long is ended; its run resumes"
    )
    serving_memory_mb: int = Field(
        default=2048, ge=64, le=10_000_000, description="memory for the models that Compare keeps open"
    )
    serving_timeout_s: float = Field(
        default=30.0, gt=0, le=86_400, description="seconds that one prediction, or one piece of a streamed answer, may take"
    )
    own_files_only: bool = Field(
        default=False, description="recipes name only files of the home, KDUI_DATA_DIR and the assets: set while a page is served"
    )
    graph_answer_s: float = Field(default=60.0, gt=0, le=86_400, description="seconds for one batch of an ONNX file from outside")
    graph_total_s: float = Field(default=1800.0, gt=0, le=864_000, description="seconds for all its batches while it is verified")
    graph_memory_mb: int = Field(
        default=2048, ge=64, le=10_000_000, description="memory that it may take beside twice its own size"
    )
    api_servers: str = Field(default="", description="servers of remote teachers, which speak the OpenAI-compatible protocol")
    api_keys: SecretStr | None = Field(default=None, description="their keys, which are neither stored nor logged")
    api_parallel: int = Field(default=4, ge=1, le=64, description="requests to such a server that are under way at a time")
    api_per_minute: float = Field(
        default=0.0, ge=0, le=1e6, description="requests a minute to such a server; 0: as many as it takes"
    )
    api_timeout_s: float = Field(default=120.0, gt=0, le=3600, description="seconds for one of its answers")
    webhook: SecretStr | None = Field(
        default=None, description="address that is sent a JSON object when a run ends, stalls or learns nothing; never shown"
    )
    read_only: bool = Field(
        default=False, description="a public gallery: recorded runs, lessons and Compare; nothing is queued, kept or fetched"
    )
    root_path: str = Field(
        default="", description="path under which a reverse proxy serves the page; the proxy takes it off before it passes on"
    )
    trackers: str = Field(
        default="",
        description="experiment trackers that runs are logged to, beside TensorBoard files; each is an extra to install",
    )
    notes: tuple[str, ...] = Field(default=(), description="what was set aside while the variables were read, in words")

    @field_validator("database_url")
    @classmethod
    def _one_database(cls, url: str | None) -> str | None:
        """A file's path made absolute: server and workers run in other folders, and must meet in one file."""
        return None if url is None else _absolute_database(url)

    @field_validator("api_servers")
    @classmethod
    def _addresses(cls, text: str) -> str:
        server_addresses(text)
        return text

    @field_validator("artifacts_url")
    @classmethod
    def _no_password(cls, address: str | None) -> str | None:
        parts = urlsplit(address or "")
        if address and (not parts.scheme or "://" not in address):
            raise ValueError("it is not of the form kind://…")
        if parts.password:
            raise ValueError("it holds a password; put that where the storage's own client looks for it")
        return address

    @field_validator("proxy_header")
    @classmethod
    def _header_name(cls, name: str) -> str:
        if name and (not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) or name.lower() in ("host", "cookie", "origin")):
            raise ValueError("it is no header that only a proxy would send")
        return name

    @field_validator("proxy_address")
    @classmethod
    def _ip_addresses(cls, text: str) -> str:
        return ",".join(str(ipaddress.ip_address(part)) for part in re.split(r"[,\s]+", text) if part)

    @field_validator("root_path")
    @classmethod
    def _plain_path(cls, text: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", text):
            raise ValueError("it is no plain path that begins with a slash")
        return text.rstrip("/")

    @field_validator("trackers")
    @classmethod
    def _known_trackers(cls, text: str) -> str:
        names = [name for name in re.split(r"[,\s]+", text.lower()) if name]
        if unknown := [name for name in names if name not in TRACKERS]:
            raise ValueError(f"'{unknown[0][:40]}' is none of them")
        return ",".join(dict.fromkeys(names))

    @field_validator("api_keys")
    @classmethod
    def _keys(cls, keys: SecretStr | None) -> SecretStr | None:
        named_values(keys.get_secret_value() if keys else "")
        return keys

    @field_validator("webhook")
    @classmethod
    def _web_address(cls, address: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(address.get_secret_value()) if address else None
        if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("it is no address of the web")
        return address

    @field_validator("launcher")
    @classmethod
    def _known_launcher(cls, name: str) -> str:
        if name not in LAUNCHERS:
            raise ValueError("there is no such launcher")
        return name

    @field_validator("host")
    @classmethod
    def _bare_host(cls, host: str) -> str:
        """``[::1]`` is how an address bar writes ::1."""
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the KDUI_* variables; unset ones keep their defaults.

        Raises SettingsError that names every variable that cannot be used and what it may be.
        """
        given: dict[str, Any] = {
            field: value.strip() for field, name in VARIABLES.items() if (value := environment.get(name, "")).strip()
        }
        notes: tuple[str, ...] = ()
        if "://" in given.get("port", ""):
            # Container platforms write the address of a service called kdui into a variable of this name.
            given.pop("port")
            notes = (
                f"KDUI_PORT={environment['KDUI_PORT'][:60]} is what a container platform sets for a service called kdui, "
                "not a port: it is left aside. Give the port with --port.",
            )
        given.setdefault("home", platformdirs.user_data_dir("kdui", appauthor=False))
        faults = _unfold(given)
        try:
            settings = cls.model_validate({key: value for key, value in given.items() if key not in faults} | {"notes": notes})
        except ValidationError as error:
            for item in error.errors():
                faults.setdefault(str(item["loc"][0]), item["msg"].removeprefix("Value error, "))
        if faults:
            raise SettingsError(" ".join(_sentence(field, given[field], why) for field, why in faults.items()))
        return settings

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL of the store, with ``?``, ``#`` and ``%`` of the path escaped."""
        from sqlalchemy.engine import URL

        return self.database_url or URL.create("sqlite", database=str(self.home / "kdui.db")).render_as_string()

    @property
    def proxy_addresses(self) -> tuple[str, ...]:
        return tuple(filter(None, self.proxy_address.split(",")))

    @property
    def artifacts(self) -> Path:
        return self.artifacts_dir or self.home / "artifacts"

    @property
    def artifact_locks(self) -> Path:
        """In the home, which all machines share: one process anywhere makes an artifact."""
        return self.home / "artifacts" / "locks"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def cache(self) -> Path:
        """Fetched data sets and model files."""
        return self.home / "cache"

    @property
    def recipes(self) -> Path:
        """Recipes that a person saved."""
        return self.home / "recipes"


def likely_home() -> Path | None:
    """Where the store would lie, also where other variables cannot be used; None where no home folder is known."""
    given = {"home": os.environ.get("KDUI_HOME") or platformdirs.user_data_dir("kdui", appauthor=False)}
    return None if _unfold(given) else given["home"]  # type: ignore[return-value]  # made a path there


def _unfold(given: dict[str, Any]) -> dict[str, str]:
    """Make folders absolute in place, ``~`` being the person's home; returns what is wrong with which."""
    faults: dict[str, str] = {}
    for field in ("home", "data_dir", "artifacts_dir"):
        if field in given:
            try:
                given[field] = Path(given[field]).expanduser().resolve()
            except RuntimeError:
                faults[field] = (
                    "it lies below a home folder that is not known here: HOME is not set, and this user has no entry in the "
                    "system's list. Set KDUI_HOME to a folder that can be written"
                )
            except (OSError, ValueError) as error:
                faults[field] = getattr(error, "strerror", None) or str(error)
    return faults


def may_be(field: str) -> str:
    """What a setting's variable may be, in words."""
    return listed(LAUNCHERS) if field == "launcher" else SHAPES.get(field) or allowed(Settings.model_fields[field])


def _sentence(field: str, value: Any, why: str) -> str:
    said = f"{VARIABLES[field]} must be {may_be(field)}"
    # What was given may hold a password where a shape is told.
    return f"{said}: {why}." if field in SHAPES else f"{said} (got {shown(str(value))})."


def _absolute_database(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        found = make_url(url)
        found.get_dialect()
    except NoSuchModuleError:  # an ArgumentError too
        raise ValueError(f"'{url.partition(':')[0][:40]}' is not a kind of database that SQLAlchemy knows") from None
    except ArgumentError:
        raise ValueError("it is not an address of the form kind://…") from None
    if found.get_backend_name() != "sqlite":
        return url
    if found.database in (None, "", ":memory:"):
        raise ValueError("a database in memory would be another one for each worker; name a file")
    if found.database.startswith("file:"):
        return url
    return found.set(database=str(Path(found.database).expanduser().absolute())).render_as_string(hide_password=False)

"""Paths, limits and switches of one process, read from environment variables once."""

import os
from functools import cached_property
from pathlib import Path

import platformdirs
from pydantic import Field

from kdui.core.plain import Frozen

VARIABLES = {
    "home": "KDUI_HOME",
    "data_dir": "KDUI_DATA_DIR",
    "database_url": "KDUI_DATABASE_URL",
    "launcher": "KDUI_LAUNCHER",
    "host": "KDUI_HOST",
    "port": "KDUI_PORT",
    "offline": "KDUI_OFFLINE",
    "auth": "KDUI_AUTH",
    "quickstart": "KDUI_QUICKSTART",
    "cache_gb": "KDUI_CACHE_GB",
    "runs_per_gpu": "KDUI_RUNS_PER_GPU",
    "serving_memory_mb": "KDUI_SERVING_MEMORY_MB",
    "serving_timeout_s": "KDUI_SERVING_TIMEOUT_S",
}


class Settings(Frozen):
    """Where things are kept and what is allowed. ``Settings.from_environment()`` is called once a process."""

    home: Path = Field(description="store, cache and run folders")
    data_dir: Path | None = Field(default=None, description="folder with data files that the user brought")
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in home")
    launcher: str = "local"
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    offline: bool = Field(default=False, description="never use the network")
    auth: str | None = Field(default=None, description="user:password asked by the page")
    quickstart: bool = Field(default=True, description="queue the quickstart recipe on the first start")
    cache_gb: float = Field(default=20.0, gt=0, description="disk for what teachers said; the least recently used goes first")
    runs_per_gpu: int = Field(default=1, ge=1, le=64, description="runs that share a GPU at a time; small models leave it idle")
    serving_memory_mb: int = Field(default=2048, ge=64)
    serving_timeout_s: float = Field(default=30.0, gt=0)

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the KDUI_* variables; unset ones keep their defaults."""
        given = {field: os.environ[name] for field, name in VARIABLES.items() if os.environ.get(name)}
        given.setdefault("home", platformdirs.user_data_dir("kdui", appauthor=False))
        settings = cls.model_validate(given)
        update = {key: value.expanduser().resolve() for key in ("home", "data_dir") if (value := getattr(settings, key))}
        return settings.model_copy(update=update)

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.home / 'kdui.db'}"

    @property
    def artifacts(self) -> Path:
        return self.home / "artifacts"

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

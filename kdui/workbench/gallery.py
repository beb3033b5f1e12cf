"""Recorded runs that come with kdui, opened beside a person's own and never among them.

They have a store of their own below the home, made from the files of ``assets/gallery`` when somebody first looks; their numbers
are marked as replayed. ``python -m kdui.bench.gallery`` records them anew.
"""

import contextlib
import hashlib
import shutil
import threading
from functools import cached_property
from pathlib import Path

from kdui.core.errors import StoreError
from kdui.core.logs import logger
from kdui.core.places import ASSETS
from kdui.core.plain import Frozen
from kdui.settings import Settings
from kdui.store.run_bundle import Bundle, read_bundle, take_bundle
from kdui.store.store import Store

FOLDER = ASSETS / "gallery"
SHARED = ("cache", "corpora")  # data sets of the home that recorded models are tried on


class Card(Frozen):
    """A recorded run in a line."""

    run: str
    name: str
    task: str
    headline: str
    sentence: str
    seconds: float


class Gallery:
    """The recorded runs beside one home. ``folder``: where their files lie."""

    def __init__(self, settings: Settings, folder: Path = FOLDER):
        self.settings, self.folder = settings, folder
        self._lock = threading.Lock()
        self._opened: Store | None = None

    @cached_property
    def bundles(self) -> dict[Path, Bundle]:
        """Each recorded run by its file; one that cannot be read is logged and left out."""
        found = {}
        for path in sorted(self.folder.glob("*.zip")):
            try:
                found[path] = read_bundle(path)
            except StoreError as error:
                logger("workbench").error("gallery: %s", error)
        return found

    def cards(self) -> list[Card]:
        """The recorded runs, those of small tasks first as their files are named."""
        return [_card(bundle) for bundle in self.bundles.values()]

    @property
    def place(self) -> Settings:
        """The settings of their store: below the home, under a name that changes with the files."""
        state = hashlib.sha256()
        for path in self.bundles:
            state.update(path.name.encode() + path.read_bytes())
        home = self.settings.home / "gallery" / state.hexdigest()[:12]
        # Built anew: a copy would keep what the other home's settings have worked out, such as where its database lies.
        return Settings.model_validate({**self.settings.model_dump(), "home": home, "database_url": None, "quickstart": False})

    def opened(self) -> Store:
        """Their store, filled on the first call; stores of other versions of the files are removed."""
        with self._lock:
            if self._opened is None:
                settings = self.place
                for other in settings.home.parent.glob("*"):
                    if other != settings.home:
                        shutil.rmtree(other, ignore_errors=True)
                settings.home.mkdir(parents=True, exist_ok=True)
                _share(self.settings.home, settings.home)
                store = Store(settings)
                for path in self.bundles:
                    take_bundle(store, path)
                self._opened = store
            return self._opened


def _share(home: Path, own: Path) -> None:
    """Data sets that the home has fetched are not fetched again; without links they are."""
    for name in SHARED:
        with contextlib.suppress(OSError):
            (home / name).mkdir(parents=True, exist_ok=True)  # nothing can be made behind a link that leads nowhere
            (own / name).symlink_to(home / name, target_is_directory=True)


def _card(bundle: Bundle) -> Card:
    recipe = bundle.recipe
    return Card(
        run=bundle.run["id"],
        name=bundle.run["name"],
        task=recipe.task,
        headline=bundle.run["headline"].rpartition(" ")[0],
        sentence=bundle.sentence or recipe.summary,
        seconds=sum(step["seconds"] or 0.0 for step in bundle.steps),
    )

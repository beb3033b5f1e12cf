"""The one tree of errors that kdui raises on purpose.

KduiError
├── RecipeError          the recipe cannot be run as it stands
│   └── UnknownName      a task, model, method, recipe or run that does not exist
├── SettingsError        an environment variable cannot be used
├── NotAllowed           the role of who asks does not allow it, or a limit is reached
├── SourceError          a data set or a model could not be downloaded or read
├── StoreError           the store cannot do what was asked
│   ├── ArtifactCorrupt  a file does not match its checksum
│   ├── StoreAway        the database cannot be reached just now
│   ├── RunUnreadable    a run was written by another version of kdui
│   └── StateConflict    the run is not in a state that allows this
├── StageFailed          a stage cannot continue, with the reason and what to do
├── DeviceUnavailable    the asked device does not exist here
├── ContainerCorrupt     a packed model is damaged, cut off or not what it says
├── ClaimsMissing        a model file says nothing that could be verified
├── ServingError         the serving process gave no answer
├── LauncherAway         the cluster that runs run on takes none just now
└── Cancelled            cancellation was requested

Every message says what happened and what to do next; only the edges (page, command line, API)
turn one into text for a person.
"""

import difflib
from collections.abc import Iterable


class KduiError(Exception):
    """Base of all errors that are meant to be read by a person."""


class RecipeError(KduiError):
    """The recipe cannot be run as it stands."""


class UnknownName(RecipeError):
    """A name that is not in the catalogue; suggests the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        listed = ", ".join(names) if names else "none yet"
        super().__init__(f"There is no {kind} called '{name}'.{hint} Known: {listed}.")
        self.name = name
        self.nearest = near[0] if near else None


class SettingsError(KduiError):
    """One or more environment variables cannot be used."""


class NotAllowed(KduiError):
    """Who asks may not do this, or has reached a limit."""


class SourceError(KduiError):
    """A data set or a model could not be downloaded or read."""


class StoreError(KduiError):
    """The store cannot do what was asked."""


class ArtifactCorrupt(StoreError):
    """A stored file does not match the checksum in its manifest."""


class StoreAway(StoreError):
    """The database's file is not there at the moment; it may come back."""


class RunUnreadable(StoreError):
    """A stored run cannot be read by this version."""


class StateConflict(StoreError):
    """The run is not in a state that allows this change."""


class StageFailed(KduiError):
    """A stage cannot continue."""


class DeviceUnavailable(KduiError):
    """The asked device does not exist on this machine."""


class ContainerCorrupt(KduiError):
    """A packed model is damaged, cut off or not what it says."""


class ClaimsMissing(KduiError):
    """A model file says nothing about itself that could be verified."""


class LauncherAway(KduiError):
    """The cluster that runs run on cannot be asked, or takes no run, just now."""


class ServingError(KduiError):
    """The serving process gave no answer."""


class Cancelled(KduiError):
    """Cancellation was requested."""

"""What one person may have of the machine: runs that wait, disk, uploads. Hosts, and who started the process, have no limit."""

from collections.abc import Callable
from datetime import UTC, datetime

from kdui.core.errors import KduiError, NotAllowed
from kdui.core.people import Person, Role, acting
from kdui.settings import Settings
from kdui.store.store import Store


class Limits:
    """Asked before a run is queued or a file is taken; raises NotAllowed with what is left to do."""

    def __init__(self, store: Store, settings: Callable[[], Settings]):
        self.store, self._settings = store, settings
        self._sizes: dict[str, int] = {}  # an artifact never changes

    def queue(self, count: int) -> None:
        """``count`` more runs are to wait, of whoever acts."""
        person, most = self._limited(), self._settings().person_runs
        if person is None:
            return
        if most:
            waiting = self.store.accounts.waiting(person.name) + self.store.accounts.searches(person.name)
            if waiting + count > most:
                raise NotAllowed(
                    f"You have {waiting} of {most} runs that one person may have waiting or running here (KDUI_PERSON_RUNS), and "
                    f"this would add {count}. Wait for some to end, cancel one, or queue fewer."
                )
        if gigabytes := self._settings().person_disk_gb:
            used = sum(map(self._bytes, self.store.accounts.digests(person.name))) / 1e9
            if used >= gigabytes:
                raise NotAllowed(
                    f"Your runs hold {used:.2f} of {gigabytes:g} GB that one person may use here (KDUI_PERSON_DISK_GB). "
                    "Delete runs that you no longer need; results that others use as well stay."
                )

    def send(self, size: int) -> None:
        """``size`` bytes of a file are to be kept, of whoever acts."""
        person, most = self._limited(), self._settings().person_upload_mb
        if person is None or not most:
            return
        if not self.store.accounts.send(person.name, size, f"{datetime.now(UTC):%Y-%m-%d}", int(most * 1e6)):
            raise NotAllowed(
                f"You may send {most:g} MB a day here (KDUI_PERSON_UPLOAD_MB), and this file is more than what is left of it. "
                "Send a smaller one, go on tomorrow (UTC), or ask a host to put the file into KDUI_DATA_DIR."
            )

    @staticmethod
    def _limited() -> Person | None:
        person = acting()
        return None if person.may(Role.HOST) else person

    def _bytes(self, digest: str) -> int:
        if not self.store.artifacts.has(digest):
            return 0
        if digest not in self._sizes:
            try:
                manifest = self.store.artifacts.manifest(digest)
            except KduiError:  # damaged: it is made again
                return 0
            self._sizes[digest] = sum(record.bytes for record in manifest.files.values())
        return self._sizes[digest]

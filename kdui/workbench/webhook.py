"""A webhook: one address, which the owner's environment names, is sent a JSON object when a run ends, stalls or learns nothing.

No visitor of the page can name an address, and redirects are not followed, so the server asks only whom its owner chose. The
address may hold a secret: it is neither stored, logged nor shown.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kdui.core.logs import logger
from kdui.workbench.alerts import TOLD, Alert, alerts

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

LOOK_SECONDS = 5.0
WAITS = (1.0, 5.0)  # s before an attempt is repeated
TIMEOUT = 10.0
Send = Callable[[dict[str, Any]], None]


class Webhook:
    """Call ``look`` regularly, or ``start`` a thread that does. What stands at the first look is not news."""

    def __init__(self, workbench: "Workbench", send: Send):
        self.workbench, self._send = workbench, send
        self._known: dict[str, str] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look in a thread until ``stop``."""
        self._thread = threading.Thread(target=self._loop, daemon=True, name="webhook")
        self._thread.start()

    def stop(self) -> None:
        """End the thread; an attempt that is under way is not waited for longer than it may take."""
        self._stop.set()
        if self._thread:
            self._thread.join(TIMEOUT)

    def look(self) -> list[Alert]:
        """Send what is news since the last look; returns it. A message that nobody takes is given up and logged."""
        before = self._known
        standing = alerts(self.workbench, frozenset(before or ()))
        self._known = {**(before or {}), **{alert.run: alert.state for alert in standing}}
        if before is None:
            return []
        news = [alert for alert in standing if alert.state in TOLD and before.get(alert.run) != alert.state]
        for alert in news:
            self._tell(alert)
        return news

    def _tell(self, alert: Alert) -> None:
        text = f"{alert.name} ({alert.task}): {alert.state}. {alert.words}".strip()
        for wait in (*WAITS, None):
            try:
                return self._send({"text": text, **alert._asdict()})
            except OSError as error:  # what requests raises is one; its text may hold the address
                if wait is None or self._stop.wait(wait):
                    return logger("workbench").warning("webhook: run %s was not told (%s).", alert.run, type(error).__name__)

    def _loop(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as fault:  # a locked database now: the next look tells what this one could not
                logger("workbench").error("webhook: %s", type(fault).__name__)


def webhook_of(workbench: "Workbench") -> Webhook | None:
    """The webhook that the environment names; None where it names none, or the network must not be used."""
    settings = workbench.settings
    if settings.webhook is None or settings.offline:
        return None
    address = settings.webhook.get_secret_value()

    def send(message: dict[str, Any]) -> None:
        import requests

        answer = requests.post(address, json=message, timeout=TIMEOUT, allow_redirects=False)
        if not answer.ok or answer.is_redirect:
            raise OSError(f"status {answer.status_code}")

    return Webhook(workbench, send)

"""Under which address a room reaches this server."""

import ipaddress
import socket

from kdui.ui.guard import LOOPBACK, place_of

EVERYWHERE = ("0.0.0.0", "::")
NOBODY = "192.0.2.1"  # an address for documentation (RFC 5737): the route to it is looked up, nothing is sent


def join_link(origin: str, host: str, port: int, code: str) -> str:
    """Where participants join: under the name that the lecturer's browser uses, else the machine's address; empty: nowhere.

    ``origin`` is the lecturer's page as its browser names it, ``host`` what the server is bound to.
    """
    scheme, _, rest = origin.partition("://")
    place = place_of(rest)
    if place is not None and scheme in ("http", "https") and place.host not in LOOPBACK:
        return f"{scheme}://{rest.strip().lower()}/join/{code}"
    if host in LOOPBACK:
        return ""
    named = network_address() if host in EVERYWHERE else host
    return f"http://{f'[{named}]' if ':' in named else named}:{port}/join/{code}" if named else ""


def network_address() -> str:
    """The address of this machine on the network that its traffic leaves by; empty where it is on none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((NOBODY, 9))
            address = str(probe.getsockname()[0])
        except OSError:
            return ""
    return "" if ipaddress.ip_address(address).is_loopback else address

"""Servers of remote models as settings name them: ``ollama=http://127.0.0.1:11434/v1``, several parted by spaces or commas."""

import ipaddress
import re
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def named_values(text: str) -> dict[str, str]:
    """``name=value`` parts by name; raises ValueError that never quotes a value, which may be secret."""
    values: dict[str, str] = {}
    for part in re.split(r"[\s,]+", text.strip()):
        name, equals, value = part.partition("=")
        if not part:
            continue
        if not equals or not value or not NAME.fullmatch(name):
            raise ValueError("one part is not of the form name=value, where a name has lower-case letters, digits, - and _")
        if name in values:
            raise ValueError(f"'{name}' is named twice")
        values[name] = value
    return values


def server_addresses(text: str) -> dict[str, str]:
    """Addresses by name, without a slash at their end; raises ValueError for what is no address of a server."""
    addresses = named_values(text)
    for name, address in addresses.items():
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the address of '{name}' must begin with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(f"the address of '{name}' has more than scheme, host, port and path. A key goes into KDUI_API_KEYS")
    return {name: address.rstrip("/") for name, address in addresses.items()}


def is_this_machine(address: str) -> bool:
    """Whether an address leads nowhere else."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

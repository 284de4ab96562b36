"""Addresses that the service may be sent to: public ones, never those of its own machine or network.

Somebody who names a target chooses where this service connects to, and it may reach what they cannot
(server-side request forgery).
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import TypeAlias

from pydantic import HttpUrl

from core.errors import TargetRefused

Address: TypeAlias = IPv4Address | IPv6Address
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291 §2.4; nothing outside it has been given out
BESIDE_US = (  # what `is_global` takes for public, but leads to the machine's own host or network
    IPv4Network("192.0.0.0/24"),  # RFC 6890; Pythons before 3.11.10 refuse only some of it. Oracle's metadata
    IPv4Network("168.63.129.16/32"),  # Azure's host, which gives out a machine's secrets
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def require_public(address: Address, *, allow_loopback: bool) -> None:
    """Check that an address is a public one, or, where that is allowed, of this machine.

    Raises:
        TargetRefused: it is private, link-local, reserved or shared, or leads to such a one.
    """
    meant = _meant(address)
    if allow_loopback and meant.is_loopback:
        return
    is_unicast = not meant.is_multicast if isinstance(meant, IPv4Address) else meant in GLOBAL_UNICAST
    if not (meant.is_global and is_unicast) or any(meant in network for network in BESIDE_US):
        raise TargetRefused(f"{address} is not a public address; webhooks go to public addresses only.")


def require_plausible(url: HttpUrl, *, allow_loopback: bool) -> None:
    """Check what can be told of a target without asking for its address, which may change at any time.

    Raises:
        TargetRefused: it holds a password, or names an address that is not public.
    """
    if url.username or url.password:
        raise TargetRefused(
            "A webhook's URL may hold no user or password: it is shown, and logged by others."
        )
    host = (url.host or "").strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not allow_loopback and (host == "localhost" or host.endswith(".localhost")):
            raise TargetRefused(f"{host} is this machine; webhooks go to public addresses only.") from None
        return
    require_public(address, allow_loopback=allow_loopback)


def _meant(address: Address) -> Address:
    """The IPv4 address where an IPv6 address only wraps one."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)

"""Where a webhook may go. Its address comes from a client, and must lead to nothing that only we can reach."""

import asyncio
import contextlib
import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

import httpx

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Exception):
    """`AddressRefused(why)`."""


def parse(url: str, *, private: bool) -> httpx.URL:
    """Raises `AddressRefused` for what no lookup of a name can make good."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused(f"no address: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise AddressRefused("must be http:// or https:// and a host")
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise AddressRefused(f"there is no port {parsed.port}")
    if parsed.userinfo:
        raise AddressRefused("must not carry a user or password; the signature says who tells it")
    with contextlib.suppress(ValueError):
        if not private and not is_public(ipaddress.ip_address(parsed.host)):
            raise AddressRefused(f"{parsed.host!r} is no public address")
    return parsed


async def resolve(url: httpx.URL, *, private: bool) -> str:
    """The numeric address to connect to, so that no second lookup can give another. Raises `AddressRefused`."""
    try:
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(f"the host {url.host!r} is not found") from None
    # A scope such as `fe80::1%eth0` is no part of the address.
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not private and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise AddressRefused(f"the host {url.host!r} is not on a public address")
    return addresses[0]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Not of this machine, its network, or reserved; nor an IPv6 address that leads to such an IPv4 one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or address in _NAT64:
            return False
    return address.is_global and not address.is_multicast

"""Which addresses of the internet are not the internet: this machine, its neighbours, its cloud's back door.

A host name proves nothing: anyone may publish a name that leads to 127.0.0.1. So addresses are judged, and by tables of
our own, because what Python's `ipaddress` takes for private differs between its versions.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


NOWHERE = _networks("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8")
"""Unspecified, multicast, reserved: no server of anybody's. Linux connects 0.0.0.0 to loopback."""

METADATA = _networks(
    "169.254.0.0/16",  # link-local; 169.254.169.254 hands out a cloud machine's credentials
    "fe80::/10",  # link-local
    "fd00:ec2::254/128",  # Amazon
    "100.100.100.200/32",  # Alibaba
    "192.0.0.192/32",  # Oracle
    "168.63.129.16/32",  # Azure; looks public
)

PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation, here and below
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001::/23",  # protocol assignments; Teredo, which holds an IPv4 address, is one of them
    "2001:db8::/32",
    "2002::/16",  # 6to4: holds an IPv4 address
    "3fff::/20",
)
GLOBAL_V6 = IPv6Network("2000::/3")
"""All of IPv6 that is given out. What lies outside is loopback, unique local, site local, IPv4 in other clothes."""

NAT64 = IPv6Network("64:ff9b::/96")
"""How networks without IPv4 reach it (RFC 6052): the last 32 bits are the IPv4 address."""

_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def is_within(address: Address, networks: tuple[Network, ...]) -> bool:
    """Does one of them hold it?"""
    return any(address in network for network in networks)


def plain(address: Address) -> Address:
    """`::ffff:10.0.0.1` is 10.0.0.1, and is dialled as that."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_public(address: Address) -> bool:
    """May anybody's tool go there?"""
    address = plain(address)
    if isinstance(address, IPv6Address):
        if address in NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.scope_id or address not in GLOBAL_V6:
            return False
    return not is_within(address, (*NOWHERE, *METADATA, *PRIVATE))


def literal(host: str) -> Address | None:
    """The address that a host is, when it is written as one in the usual way (no brackets)."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_odd_spelling(host: str) -> bool:
    """An address written as 2130706433, 0177.0.0.1, 0x7f.1, 127.1: no name ends in a number (WHATWG URL, 3.5)."""
    return literal(host) is None and (_NUMBER.fullmatch(host.rpartition(".")[2]) is not None or ":" in host)

"""Networks in CIDR notation, from which a token may be used; and the addresses that one visitor may have."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network

from accounts.errors import quote

MOST = 20
EXAMPLE = "Write it as 192.0.2.0/24 or 2001:db8::/32."


def parse_networks(text: str) -> list[str]:
    """The networks in `text`, parted by white space or commas, in canonical form and each once.

    Raises ValueError with a sentence. Digits that a network leaves open must be zero: else a slip of the prefix opens
    more than was meant.
    """
    found = dict.fromkeys(str(_parse(given)) for given in re.split(r"[\s,;]+", text) if given)
    if len(found) > MOST:
        raise ValueError(f"These are {len(found)} networks. A token has at most {MOST}.")
    return list(found)


def _parse(text: str) -> IPv4Network | IPv6Network:
    try:
        inside = ip_interface(text)
    except ValueError as error:
        raise ValueError(f"{quote(text)} is not a network in CIDR notation. {EXAMPLE}") from error
    network = inside.network
    if inside.ip != network.network_address:
        raise ValueError(f"{quote(text)} is an address inside a network. Do you mean {network}, or {inside.ip} alone?")
    if network.prefixlen == 0:
        raise ValueError(f"{quote(text)} is everywhere. To allow that, leave the field empty.")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"{quote(text)} stands for addresses of version 4. Write them as 192.0.2.0/24.")
    return network


def bounds_of(address: str | None) -> tuple[str | None, str | None]:
    """The first and last address that one visitor may have who comes from `address`: of IPv6, 64 bits are theirs."""
    if address is None:
        return None, None
    given = _unmapped(ip_address(address))
    network = ip_network((given, 32 if given.version == 4 else 64), strict=False)
    return str(network[0]), str(network[-1])


def lies_within(address: str, networks: Iterable[str]) -> bool:
    """Whether a client's address is in one of `networks`; what is no address is in none."""
    try:
        given = _unmapped(ip_address(address))
    except ValueError:
        return False
    return any(given in ip_network(network) for network in networks)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """A server that listens to both versions gives addresses of version 4 as those of version 6."""
    return getattr(address, "ipv4_mapped", None) or address

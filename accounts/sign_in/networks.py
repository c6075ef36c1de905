"""Networks in CIDR notation, from which a token may be used; and the addresses that one visitor may have."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network

from accounts.errors import quote

MOST = 20
EXAMPLE = "Write it as 192.0.2.0/24 or 2001:db8::/32."


def parse_networks(text: str) -> list[str]:
    """Return the networks in `text`, separated by white space or commas, in canonical form and each once.

    Raises ValueError with a sentence. Host bits must be zero: otherwise a mistyped prefix would allow more than was
    meant.
    """
    found = dict.fromkeys(str(_parse(given)) for given in re.split(r"[\s,;]+", text) if given)
    if len(found) > MOST:
        raise ValueError(f"You entered {len(found)} networks. An API token can have at most {MOST}.")
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
        raise ValueError(f"{quote(text)} allows every address. To do that, leave the field empty.")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"{quote(text)} stands for IPv4 addresses. Write them as 192.0.2.0/24.")
    return network


def bounds_of(address: str | None) -> tuple[str | None, str | None]:
    """Return the first and last address that the visitor at `address` can have: with IPv6, a network of 64 bits."""
    if address is None:
        return None, None
    given = _unmapped(ip_address(address))
    network = ip_network((given, 32 if given.version == 4 else 64), strict=False)
    return str(network[0]), str(network[-1])


def lies_within(address: str, networks: Iterable[str]) -> bool:
    """Whether a client's address is in one of `networks`; False for a text that is not an address."""
    try:
        given = _unmapped(ip_address(address))
    except ValueError:
        return False
    return any(given in ip_network(network) for network in networks)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address, which a server that listens to both versions gives as IPv6."""
    return getattr(address, "ipv4_mapped", None) or address

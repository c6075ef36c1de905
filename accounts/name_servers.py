"""Questions to the DNS: whom the portal asks, for how long, and what it says when there is no answer."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings

from accounts.errors import NotAllowed

SECONDS = 5  # for the whole look-up, however many name servers are asked


def texts_at(name: str) -> list[str]:
    """The texts of the TXT records at `name`, at least one; raise NotAllowed with a sentence on why there is none."""
    try:
        answer = _resolver().resolve(f"{name}.", "TXT", lifetime=SECONDS)
        return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
        hint = "A new record can take an hour to reach every name server."
        raise NotAllowed(f"There is no TXT record at {name} yet. {hint} Check again later.") from error
    except dns.exception.Timeout as error:
        raise NotAllowed(
            f"The name servers did not answer within {SECONDS} seconds. Check again in a few minutes."
        ) from error
    except dns.resolver.NoNameservers as error:
        raise NotAllowed(_refusal(name, error)) from error
    except dns.exception.DNSException as error:
        raise NotAllowed(f"{name} cannot be looked up in the DNS. Check the domain.") from error


def _refusal(name: str, error: dns.resolver.NoNameservers) -> str:
    """With what the last name server said, such as REFUSED."""
    said = [why for _server, _tcp, _port, why, _response in error.kwargs["errors"] if isinstance(why, str)]
    if not said:
        return "The portal cannot reach its name servers. Ask whoever runs the portal."
    return f"The name servers refused to answer for {name} ({said[-1]}). Ask whoever runs the domain’s DNS."


def _resolver() -> dns.resolver.Resolver:
    """Asks the name servers of `DNS_RESOLVERS`, else those of the machine."""
    if not settings.DNS_RESOLVERS:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [name_server(address) for address in settings.DNS_RESOLVERS]
    return resolver


def name_server(address: str) -> dns.nameserver.Nameserver:
    """Such as `192.0.2.53`, `192.0.2.53:5353` or `[2001:db8::53]`; raise ValueError for anything else."""
    parts = urlsplit(f"//{address}")
    return dns.nameserver.Do53Nameserver(str(ip_address(parts.hostname or "")), parts.port or 53)

"""Email domains: how one is written, and which ones are public."""

import re

from accounts.errors import NotAllowed, quote

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{4,253}}$)(?:{LABEL}\.)+(?=[a-z]){LABEL}")
# Everybody can have an address there, so no organisation's provider can vouch for them.
PUBLIC = frozenset({
    "aol.co.uk", "aol.com", "blueyonder.co.uk", "btinternet.com", "btopenworld.com", "fastmail.com", "fastmail.fm",
    "gmail.com", "gmx.co.uk", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.co.uk",
    "hotmail.com", "icloud.com", "live.co.uk", "live.com", "mac.com", "mail.com", "mail.ru", "mailinator.com",
    "me.com", "msn.com", "ntlworld.com", "o2.co.uk", "orange.fr", "outlook.co.uk", "outlook.com", "plus.com",
    "plus.net", "pm.me", "proton.me", "protonmail.com", "qq.com", "rocketmail.com", "sky.com", "talktalk.net",
    "tesco.net", "tiscali.co.uk", "tuta.io", "tutanota.com", "virgin.net", "virginmedia.com", "wanadoo.fr",
    "web.de", "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com", "yandex.ru", "ymail.com",
    "zoho.com",
})  # fmt: skip


def domain_of(email: str) -> str:
    """Return the part after the last @, in lower case."""
    return email.rpartition("@")[2].strip().lower()


def clean_domain(text: str) -> str:
    """Return the domain in lower case; refuse a text that is not one, and public domains with their subdomains."""
    domain = text.strip().lower().removeprefix("@").removesuffix(".")
    if not DOMAIN.fullmatch(domain):
        raise NotAllowed(
            f"{quote(text)} is not an email domain. Enter the part after the @, for example supplier.example."
            " If it has other letters, use its ASCII form, xn--….",
            "domain",
        )
    if public := _public_part(domain):
        raise NotAllowed(f"{public} is a public email domain: anyone can have an address there.", "domain")
    return domain


def _public_part(domain: str) -> str | None:
    labels = domain.split(".")
    return next((d for i in range(len(labels)) if (d := ".".join(labels[i:])) in PUBLIC), None)

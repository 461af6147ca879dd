"""Who may be asked, how often, and how much they may answer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from dagster_project.errors import SettingsError

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class HostPolicy:
    """How one host is treated.

    ``base_url``     scheme and host (and a path, where a mirror needs one); paths hang on it
    ``requests``     at most so many requests ...
    ``per_seconds``  ... in any stretch of so many seconds
    ``max_bytes``    largest body that is read, decompressed, in bytes
    ``timeout_s``    longest silence while connecting or reading, in seconds
    ``attempts``     how often one question is asked before it counts as unanswered
    ``deadline_s``   longest time for one whole answer, in seconds
    ``patience_s``   longest wait a host may ask for (``Retry-After``) and get, in seconds
    ``cool_down_s``  how long a host is left alone after it refused every attempt as too many
                     (429) or could not be reached, in seconds
    ``limit_group``  hosts of one group share one limit; empty: its own
    ``needs_contact``  the host demands a User-Agent that names a contact
    ``setting``  the setting that lets us in (a key or a contact); empty where there is none
    ``impersonate``  the host lets in browsers only: the one to look like, by curl_cffi's name
    """

    base_url: str
    requests: int
    per_seconds: float
    max_bytes: int
    timeout_s: float
    attempts: int
    deadline_s: float = 120.0
    patience_s: float = 120.0
    cool_down_s: float = 300.0
    limit_group: str = ""
    needs_contact: bool = False
    setting: str = ""
    impersonate: str = ""

    @property
    def is_loopback(self) -> bool:
        return is_loopback(urlsplit(self.base_url).hostname or "")


# 10 requests a second over all hosts of the SEC together, by its fair-access rule.
_SEC = HostPolicy(
    base_url="https://data.sec.gov",
    requests=8,
    per_seconds=1,
    max_bytes=96 * MEBIBYTE,
    timeout_s=30,
    attempts=5,
    limit_group="sec",
    needs_contact=True,
    setting="MINER_CONTACT",
)

# Limits stay below the published ones: two commands may run at once, and what is counted is
# when a request arrives there, not when it leaves here.
HOSTS: Mapping[str, HostPolicy] = MappingProxyType(
    {
        # Public market data: 10 requests a second per address.
        "coinbase": HostPolicy("https://api.exchange.coinbase.com", 6, 1, 4 * MEBIBYTE, 20, 5),
        # The public counter of an address decays by about one call a second.
        "kraken": HostPolicy("https://api.kraken.com", 1, 1.5, 4 * MEBIBYTE, 20, 5),
        # Community access: 10 requests in a sliding 6 seconds.
        "coinmetrics": HostPolicy(
            "https://community-api.coinmetrics.io", 8, 6, 32 * MEBIBYTE, 30, 5
        ),
        # No figure is published; who asks often is blocked.
        "mempool": HostPolicy("https://mempool.space", 1, 1, 32 * MEBIBYTE, 30, 5),
        # One request in ten seconds is what its terms ask for.
        "blockchain_com": HostPolicy("https://api.blockchain.info", 1, 10, 16 * MEBIBYTE, 30, 5),
        # Unpublished, per address; once tripped it stays so for minutes, so few attempts.
        "yahoo": replace(
            HostPolicy("https://query2.finance.yahoo.com", 2, 1, 16 * MEBIBYTE, 20, 3),
            cool_down_s=900,
            impersonate="chrome",
        ),
        # 50 requests an hour without payment.
        "tiingo": HostPolicy(
            "https://api.tiingo.com", 45, 3600, 16 * MEBIBYTE, 20, 4, setting="MINER_TIINGO_KEY"
        ),
        "sec": _SEC,
        "sec_search": replace(_SEC, base_url="https://efts.sec.gov"),
        "sec_www": replace(_SEC, base_url="https://www.sec.gov"),
    }
)


def is_loopback(hostname: str) -> bool:
    """Is this the machine itself?"""
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


def checked_base_url(host: str, url: str) -> str:
    """``url`` without a closing slash. Raises SettingsError when it may not be used."""
    setting = f"MINER_URL_{host.upper()}"
    mend = f"set {setting}=https://host (or http://127.0.0.1:port), or unset it"
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{setting} is not the address of a web server.", mend=mend)
    # The value itself is not repeated: it may hold a password.
    if parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(f"{setting} must be scheme, host and at most a path.", mend=mend)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingsError(
            f"{setting} would send requests in the clear: http is for this machine only.",
            mend=mend,
        )
    return url.strip().rstrip("/")


def _split(url: str) -> SplitResult | None:
    text = url.strip()
    if not re.fullmatch(r"[!-~]+", text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port that is no number shows only when it is asked for
    except ValueError:
        return None
    return parts


def policies(source_urls: Mapping[str, str]) -> dict[str, HostPolicy]:
    """HOSTS with base addresses replaced by ``source_urls`` (host key -> address).

    Raises SettingsError for a host that does not exist or an address that cannot be used.
    """
    unknown = sorted(set(source_urls) - set(HOSTS))
    if unknown:
        names = ", ".join(f"MINER_URL_{name.upper()}" for name in unknown)
        raise SettingsError(
            f"No source has this address: {names}.",
            mend="choose among " + ", ".join(f"MINER_URL_{name.upper()}" for name in HOSTS),
        )
    return {
        name: replace(policy, base_url=checked_base_url(name, source_urls[name]))
        if name in source_urls
        else policy
        for name, policy in HOSTS.items()
    }

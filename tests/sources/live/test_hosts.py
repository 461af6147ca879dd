"""Addresses can be pointed elsewhere, but never at an unencrypted stranger."""

from __future__ import annotations

import pytest

from dagster_project.errors import SettingsError
from dagster_project.sources.live.hosts import HOSTS, is_loopback, policies


def test_every_host_is_asked_with_tls_at_its_own_address():
    assert policies({}) == dict(HOSTS)
    assert {policy.base_url.partition(":")[0] for policy in HOSTS.values()} == {"https"}
    assert [host for host, policy in HOSTS.items() if policy.is_loopback] == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080/mirror/", "http://[::1]:8080/mirror"),
        (" https://mirror.example.org/v1 ", "https://mirror.example.org/v1"),
    ],
)
def test_an_address_of_ones_own_replaces_the_base_and_nothing_else(text, kept):
    changed = policies({"coinbase": text})
    assert changed["coinbase"].base_url == kept
    assert changed["coinbase"].requests == HOSTS["coinbase"].requests
    assert {host: changed[host] for host in HOSTS if host != "coinbase"} == {
        host: HOSTS[host] for host in HOSTS if host != "coinbase"
    }


@pytest.mark.parametrize(
    "text",
    [
        "http://api.example.org",
        "http://127.0.0.1.example.org",
        "http://10.0.0.5:8080",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "https://",
        "https://host:port",
        "https://[::1",
        "https://user:hidden-word@api.example.org",
        "https://api.example.org/?token=hidden-word",
        "https://api.example.org/\nX: y",
        "https://api.example.org/ü",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(text):
    with pytest.raises(SettingsError) as refused:
        policies({"kraken": text})
    assert "MINER_URL_KRAKEN" in str(refused.value)
    assert "hidden-word" not in str(refused.value)


def test_an_unknown_host_is_refused_by_name():
    with pytest.raises(SettingsError, match="MINER_URL_BITSTAMP") as refused:
        policies({"bitstamp": "https://www.bitstamp.net"})
    assert "MINER_URL_COINBASE" in refused.value.mend


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("localhost.example.org", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
        ("192.168.0.1", False),
        ("", False),
    ],
)
def test_only_this_machine_counts_as_loopback(name, expected):
    assert is_loopback(name) is expected

"""What the one HTTP layer makes of every way in which an answer can fail."""

from __future__ import annotations

import logging
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dagster_project.errors import SettingsError, SourceError
from dagster_project.secret import Secret
from dagster_project.settings import read_settings
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.hosts import HOSTS
from dagster_project.sources.live.http_client import (
    HttpClient,
    HttpRefused,
    HttpUnavailable,
    NotRecorded,
    Reply,
    open_client,
)
from dagster_project.sources.live.strict_json import parse_json
from tests.sources.live.loopback import (
    Answer,
    FakeClock,
    Loopback,
    as_json,
    drip,
    drip_headers,
    gzip_bomb,
    gzipped,
    html,
    redirect,
    reset_mid_body,
    silence,
    status,
    truncated,
    truncated_gzip,
    unframed,
)

GOOD = {"rows": [1, 2, 3]}
# One host through the plain connection and one through that of a browser: whatever a test says
# of answers must be true of both.
HOSTS_OF_BOTH_WIRES = ("coinbase", "yahoo")
both_wires = pytest.mark.parametrize("host", HOSTS_OF_BOTH_WIRES)
KEY = "k3y-that-nobody-may-see"


def ask(vendor: Loopback, host: str, *steps: Any, **options: Any) -> Reply:
    vendor.on("/x", *steps)
    options.setdefault("changes", {"attempts": 2})
    return vendor.client(host, **options).get(host, "/x")


# ---- answers ----


@both_wires
@pytest.mark.parametrize(
    "step", [as_json(GOOD), gzipped(b'{"rows": [1, 2, 3]}'), unframed(b'{"rows": [1, 2, 3]}')]
)
def test_a_good_answer_comes_back_whole(vendor, host, step):
    reply = ask(vendor, host, step)
    assert parse_json(reply) == GOOD
    assert (reply.status, reply.attempts, reply.waited_s, reply.from_archive) == (200, 1, 0, False)
    assert reply.headers["content-type"] == "application/json"
    assert reply.url == f"{vendor.url}/x"


def test_a_request_says_who_asks_and_what_for(vendor):
    ask(vendor, "coinbase", as_json(GOOD), contact="me@example.org")
    headers = vendor.requests[0].headers
    assert headers["user-agent"] == "miner-warehouse/0.1 (me@example.org)"
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "gzip"
    assert "cookie" not in headers


def test_a_host_that_wants_a_browser_sees_one(vendor):
    ask(vendor, "yahoo", as_json(GOOD))
    headers = vendor.requests[0].headers
    assert headers["user-agent"].startswith("Mozilla/5.0")
    assert "Chrome" in headers["user-agent"]
    assert "miner-warehouse" not in str(headers)


def test_parameters_are_sorted_and_encoded(vendor):
    vendor.on("/x", as_json(GOOD))
    client = vendor.client("coinbase")
    client.get("coinbase", "x", {"start": "2025-03-26T00:00:00Z", "a b": "ü&="})
    client.get("coinbase", "/x?y=1", {"z": "2"})
    assert vendor.requests[0].target == "/x?a+b=%C3%BC%26%3D&start=2025-03-26T00%3A00%3A00Z"
    assert vendor.requests[1].query == {"y": "1", "z": "2"}


def test_a_next_page_of_the_same_host_is_read_and_of_another_is_not(vendor):
    vendor.on("/x", as_json(GOOD))
    client = vendor.client("coinmetrics")
    assert client.get("coinmetrics", f"{vendor.url}/x?page=2").attempts == 1
    for elsewhere in (
        "https://evil.example/x",
        f"http://127.0.0.1:{vendor.port + 1}/x",
        f"https://127.0.0.1:{vendor.port}/x",
        f"http://user@127.0.0.1:{vendor.port}/x",
        f"//127.0.0.1:{vendor.port + 1}/x",
        "file:///x",
        "http://[::1/x",
    ):
        with pytest.raises(HttpRefused, match="another host"):
            client.get("coinmetrics", elsewhere)
    assert [each.target for each in vendor.requests] == ["/x?page=2"]


def test_a_base_address_with_a_path_keeps_to_it(vendor):
    vendor.on("/mirror/x", as_json(GOOD))
    client = vendor.client("coinmetrics", changes={"base_url": f"{vendor.url}/mirror"})
    assert parse_json(client.get("coinmetrics", "/x")) == GOOD
    assert parse_json(client.get("coinmetrics", f"{vendor.url}/mirror/x")) == GOOD
    with pytest.raises(HttpRefused, match="another host"):
        client.get("coinmetrics", f"{vendor.url}/mirrored/x")


@pytest.mark.parametrize("path", ["/x y", "/x\r\nHost: evil", "/ü", "/x#part"])
def test_an_address_with_odd_characters_is_not_sent(vendor, path):
    with pytest.raises(HttpRefused, match="not an address"):
        vendor.client("coinbase").get("coinbase", path)
    assert vendor.requests == []


# ---- tried again ----


@both_wires
@pytest.mark.parametrize(
    "fault",
    [
        status(500),
        status(502),
        status(503, b"<html>maintenance</html>", "text/html"),
        status(504),
        status(408),
        status(429, b"Edge: Too Many Requests"),
        reset_mid_body(),
        truncated(),
        unframed(b'{"rows": [1, 2'),
        truncated_gzip(b'{"rows": [' + b"1, " * 500 + b"1]}"),
        Answer(b"", 200, "application/json"),
        Answer(b"  \n", 200, "application/json"),
        Answer(b'{"rows": "\xff\xfe"}', 200, "application/json"),
        Answer(b"not gzip", 200, "application/json", {"Content-Encoding": "gzip"}),
    ],
)
def test_a_passing_fault_is_tried_again_and_then_named(vendor, host, fault):
    clock = FakeClock()
    reply = ask(vendor, host, fault, as_json(GOOD), clock=clock)
    assert parse_json(reply) == GOOD
    assert reply.attempts == 2
    # First the back-off, which grows from a second with jitter; the limit may add to it.
    assert 1.0 <= reply.waited_s <= 4.0
    assert reply.waited_s == pytest.approx(sum(clock.slept))

    with pytest.raises(HttpUnavailable, match="No usable answer after 2 attempts") as failed:
        ask(vendor, host, fault)
    assert failed.value.where == f"{vendor.url}/x"
    assert failed.value.mend
    assert len(vendor.requests) == 4


@both_wires
def test_an_answer_that_is_no_gzip_is_not_taken_for_text(vendor, host):
    with pytest.raises(HttpUnavailable):
        ask(
            vendor, host, Answer(b'{"a": 1}', 200, "application/json", {"Content-Encoding": "gzip"})
        )


def test_a_body_of_several_gzip_members_is_refused_and_never_half_read(vendor):
    """libcurl reads one member; no vendor sends more."""
    import gzip

    body = gzip.compress(b'{"rows": ') + gzip.compress(b"[1, 2, 3]}")
    step = Answer(body, 200, "application/json", {"Content-Encoding": "gzip"})
    with pytest.raises(HttpUnavailable, match="No usable answer"):
        ask(vendor, "coinbase", step, changes={"attempts": 2})


@pytest.mark.parametrize("fault", [silence, drip, drip_headers], ids=lambda fault: fault.__name__)
@both_wires
def test_a_host_that_is_silent_or_endless_is_given_up(vendor, host, fault):
    with pytest.raises(HttpUnavailable, match="time-out"):
        ask(vendor, host, fault(), changes={"attempts": 1, "timeout_s": 0.2, "deadline_s": 0.3})


@both_wires
def test_a_slow_answer_leaves_the_next_one_unharmed(vendor, host):
    client = vendor.client(host, changes={"attempts": 1, "timeout_s": 0.2, "deadline_s": 0.3})
    vendor.on("/x", drip())
    vendor.on("/y", as_json(GOOD))
    with pytest.raises(HttpUnavailable):
        client.get(host, "/x")
    assert parse_json(client.get(host, "/y")) == GOOD


@both_wires
def test_back_off_grows_and_is_bounded(vendor, host):
    clock = FakeClock()
    with pytest.raises(HttpUnavailable):
        ask(
            vendor,
            host,
            status(503),
            clock=clock,
            changes={"attempts": 9, "requests": 1000, "per_seconds": 1},
        )
    assert len(clock.slept) == 8
    for pause_s, base_s in zip(clock.slept, (1, 2, 4, 8, 16, 30, 30, 30), strict=True):
        assert base_s <= pause_s <= min(base_s + 1, 30)


# ---- asked to wait ----


@both_wires
@pytest.mark.parametrize("code", [429, 503])
def test_a_wait_that_the_host_asks_for_is_kept(vendor, host, code):
    clock = FakeClock()
    reply = ask(vendor, host, status(code, retry_after="7"), as_json(GOOD), clock=clock)
    assert clock.slept == [7.0]
    assert reply.waited_s == 7.0


@pytest.mark.parametrize(
    ("value", "pause_s"),
    [
        ("0", 0.0),
        ("12", 12.0),
        ("1.5", 1.5),
        ("Mon, 05 Jan 2026 12:00:40 GMT", 40.0),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0.0),
    ],
)
def test_a_wait_may_be_seconds_or_a_date(vendor, value, pause_s):
    clock = FakeClock(datetime(2026, 1, 5, 12, tzinfo=UTC))
    ask(vendor, "coinbase", status(429, retry_after=value), as_json(GOOD), clock=clock)
    assert sum(clock.slept) == pause_s


@pytest.mark.parametrize("value", ["soon", "-5", "", "1e9", "99999999999999", "Mon, 99 Foo 2026"])
def test_a_wait_that_says_nothing_is_a_plain_fault(vendor, value):
    reply = ask(vendor, "coinbase", status(429, retry_after=value), as_json(GOOD))
    assert 1.0 <= reply.waited_s <= 2.0


@both_wires
def test_a_host_that_asks_for_too_long_is_left_alone_that_long(vendor, host):
    clock = FakeClock()
    client = vendor.client(host, clock=clock)
    vendor.on("/x", status(429, b"slow down", retry_after="3600"))
    vendor.on("/y", as_json(GOOD))
    with pytest.raises(HttpUnavailable, match="left alone for 3600 s") as failed:
        client.get(host, "/x")
    assert (failed.value.status, failed.value.retry_after_s) == (429, 3600.0)
    with pytest.raises(HttpUnavailable, match="Not asked"):
        client.get(host, "/y")
    assert [each.path for each in vendor.requests] == ["/x"]
    clock.passed_s += 3500
    # Within its patience it waits for the rest.
    assert client.get(host, "/y").waited_s == pytest.approx(100)


@both_wires
def test_after_too_many_requests_a_host_is_left_alone(vendor, host):
    clock = FakeClock()
    client = vendor.client(host, clock=clock, changes={"attempts": 3})
    vendor.on("/x", status(429, b"Edge: Too Many Requests"))
    vendor.on("/y", as_json(GOOD))
    with pytest.raises(HttpUnavailable, match="Edge: Too Many Requests"):
        client.get(host, "/x")
    with pytest.raises(HttpUnavailable, match="Not asked") as failed:
        client.get(host, "/y")
    cool_down_s = HOSTS[host].cool_down_s
    assert failed.value.retry_after_s == pytest.approx(cool_down_s)
    assert len(vendor.requests) == 3
    clock.passed_s += cool_down_s + 1
    assert parse_json(client.get(host, "/y")) == GOOD


def test_one_failing_question_does_not_close_the_host_for_others(vendor):
    client = vendor.client("coinbase", changes={"attempts": 2})
    vendor.on("/x", status(500))
    vendor.on("/y", as_json(GOOD))
    with pytest.raises(HttpUnavailable):
        client.get("coinbase", "/x")
    assert client.get("coinbase", "/y").waited_s == 0


@both_wires
def test_a_host_that_cannot_be_reached_is_not_tried_for_every_symbol(host):
    with Loopback() as gone:
        url = gone.url
    clock = FakeClock()
    with Loopback() as vendor:
        client = vendor.client(host, clock=clock, changes={"base_url": url, "attempts": 2})
        with pytest.raises(HttpUnavailable, match="no connection") as failed:
            client.get(host, "/x")
        assert failed.value.status is None
        with pytest.raises(HttpUnavailable, match="Not asked"):
            client.get(host, "/y")


def test_hosts_of_one_group_share_one_limit(vendor):
    clock = FakeClock()
    vendor.on("/x", as_json(GOOD))
    client = vendor.client("sec", "sec_search", "coinbase", clock=clock)
    for _ in range(8):
        client.get("sec", "/x")
    assert clock.slept == []
    assert client.get("coinbase", "/x").waited_s == 0
    assert client.get("sec_search", "/x").waited_s == pytest.approx(1.0, abs=0.01)


# ---- refused ----


@both_wires
@pytest.mark.parametrize(
    ("step", "code", "expected"),
    [
        (status(403, b'{"error": "not free"}', "application/json"), 403, "not free"),
        (html(403, "Access denied"), 403, "Access denied"),
        (status(404, b'{"message": "NotFound"}', "application/json"), 404, "NotFound"),
        (status(400, b"bad granularity"), 400, "bad granularity"),
        (status(401), 401, "status 401"),
        (status(204), 204, "status 204"),
        (status(206, b"[1]", "application/json"), 206, "status 206"),
        (status(304), 304, "status 304"),
        (status(451), 451, "status 451"),
        (html(200), 200, "text/html instead of application/json: .*Just a moment"),
        (status(200, b"a,b\n1,2"), 200, "text/plain instead"),
        (Answer(b"[1]", 200, None), 200, "no content type"),
        (Answer(b"", 200, "text/html"), 200, "text/html"),
    ],
)
def test_a_refusal_is_final_and_carries_what_was_said(vendor, host, step, code, expected):
    with pytest.raises(HttpRefused, match=expected) as refused:
        ask(vendor, host, step)
    assert refused.value.status == code
    assert refused.value.body == (b"" if code in {204, 304} else step.body)
    assert refused.value.where == f"{vendor.url}/x"
    assert len(vendor.requests) == 1


def test_an_error_quotes_a_page_on_one_short_line(vendor):
    with pytest.raises(HttpRefused) as refused:
        ask(vendor, "coinbase", status(400, b"\x00\x1b[31mred\r\nline " + b"x" * 5000))
    assert "\x1b" not in refused.value.what
    assert "\n" not in refused.value.what
    assert len(refused.value.what) < 300
    assert len(refused.value.body) > 5000


@both_wires
def test_a_body_beyond_the_limit_is_not_read(vendor, host):
    limits = {"attempts": 2, "max_bytes": 1_000_000}
    for step in (
        gzip_bomb(16),
        Answer(b"[" + b" " * 1_000_000 + b"]"),
        unframed(b"[" + b" " * 1_000_000 + b"]"),
    ):
        with pytest.raises(HttpRefused, match=r"larger than 1000000 bytes|announced with"):
            ask(vendor, host, step, changes=limits)
    assert len(vendor.requests) == 3
    exact = b"[" + b" " * 999_998 + b"]"
    for step in (Answer(exact), gzipped(exact), unframed(exact)):
        assert ask(vendor, host, step, changes=limits).body == exact


@pytest.mark.parametrize("encoding", ["br", "zstd", "lzma"])
def test_a_damaged_or_unknown_compression_is_no_answer(vendor, encoding):
    step = Answer(b"x", 200, "application/json", {"Content-Encoding": encoding})
    with pytest.raises(HttpUnavailable, match="No usable answer"):
        ask(vendor, "coinbase", step, changes={"attempts": 2})


@both_wires
@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "http://127.0.0.1:1/x",
        "ftp://127.0.0.1/x",
        "javascript:alert(1)",
        "http://[::1/",
    ],
)
def test_a_redirect_to_another_host_is_not_followed(vendor, host, to):
    with pytest.raises(HttpRefused, match=r"not.* followed|redirects again") as refused:
        ask(vendor, host, redirect(to))
    assert refused.value.status == 302
    assert len(vendor.requests) == 1


@both_wires
def test_a_redirect_within_the_host_is_followed(vendor, host):
    vendor.on("/new", as_json(GOOD))
    reply = ask(vendor, host, redirect("/new?a=1", 301))
    assert parse_json(reply) == GOOD
    assert reply.attempts == 2
    assert [each.target for each in vendor.requests] == ["/x", "/new?a=1"]


@both_wires
def test_redirects_in_a_circle_end(vendor, host):
    with pytest.raises(HttpRefused, match="redirects again and again"):
        ask(vendor, host, redirect("/x"))
    assert len(vendor.requests) == 4


# ---- TLS ----


@both_wires
def test_tls_to_a_host_that_speaks_none_is_no_connection(vendor, host):
    url = vendor.url.replace("http:", "https:")
    with pytest.raises(HttpUnavailable, match=r"no connection|connection broke"):
        ask(vendor, host, as_json(GOOD), changes={"base_url": url, "attempts": 1})
    assert vendor.requests == []


@both_wires
def test_a_certificate_that_nobody_vouches_for_is_refused(host):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("untrusted_server.pem"))
    with Loopback(tls=context) as vendor:
        vendor.on("/x", as_json(GOOD))
        client = vendor.client(host, changes={"attempts": 1, "timeout_s": 2, "deadline_s": 4})
        with pytest.raises(HttpUnavailable, match=r"(?i)certificate"):
            client.get(host, "/x")
        assert vendor.requests == []


@both_wires
def test_a_certificate_that_this_machine_trusts_is_accepted(host, monkeypatch):
    """As behind a proxy that opens connections and signs them anew with its own authority."""
    pem = Path(__file__).with_name("untrusted_server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Loopback(tls=context) as vendor:
        vendor.on("/x", as_json(GOOD))
        client = vendor.client(host, changes={"attempts": 1, "timeout_s": 2, "deadline_s": 4})
        assert parse_json(client.get(host, "/x")) == GOOD


def test_no_policy_may_ask_another_machine_in_the_clear(vendor):
    with pytest.raises(ValueError, match="without TLS"):
        HttpClient({"coinbase": vendor.policy("coinbase", base_url="http://api.example.org")})


# ---- proxy ----


def _through_proxy(vendor: Loopback, host: str, proxy: str) -> tuple[HttpUnavailable, str]:
    """What asking ``host`` at an outside address through ``proxy`` ends with."""
    policy = vendor.policy(host, base_url="https://api.example.org", attempts=1)
    client = HttpClient({host: policy}, proxy=Secret(proxy), clock=FakeClock())
    with client, pytest.raises(HttpUnavailable) as failed:
        client.get(host, "/x")
    return failed.value, "".join(traceback.format_exception(failed.value))


@both_wires
def test_a_proxy_is_used_for_other_machines_and_its_password_is_not_shown(vendor, host):
    # The loopback server knows no CONNECT and says so: proof that it was asked.
    failed, shown = _through_proxy(vendor, host, f"http://someone:{KEY}@127.0.0.1:{vendor.port}")
    assert "501" in failed.what
    assert KEY not in shown
    # This machine itself is reached directly.
    reply = ask(vendor, host, as_json(GOOD), proxy=Secret("http://127.0.0.1:1"))
    assert parse_json(reply) == GOOD


# ---- archive, replay, conditional requests ----


def test_replay_answers_bit_for_bit_and_asks_nobody(vendor, tmp_path):
    bodies = {"/x": b'{"a": 1.10}', "/y": b"[ 340282366920938463463374607431768211456 ]\n"}
    recorded = {}
    for host in HOSTS_OF_BOTH_WIRES:
        client = vendor.client(host, archive=Archive(tmp_path))
        for path, body in bodies.items():
            vendor.on(path, Answer(body))
            recorded[host, path] = client.get(host, path, {"q": "1"})
    asked = len(vendor.requests)

    replay = vendor.client(*HOSTS_OF_BOTH_WIRES, archive=Archive(tmp_path), replay=True, contact="")
    for (host, path), live in recorded.items():
        reply = replay.get(host, path, {"q": "1"})
        assert reply.body == bodies[path] == live.body
        assert reply.from_archive
        assert (reply.sha256, reply.retrieved_at, dict(reply.headers)) == (
            live.sha256,
            live.retrieved_at,
            dict(live.headers),
        )
        assert (reply.attempts, reply.waited_s) == (0, 0.0)
    with pytest.raises(NotRecorded, match="never recorded") as missing:
        replay.get("coinbase", "/x", {"q": "2"})
    assert isinstance(missing.value, HttpUnavailable)
    assert "MINER_SOURCE=live" in missing.value.mend
    assert len(vendor.requests) == asked


def test_replay_needs_none_of_the_packages_of_live_sources(vendor, tmp_path, monkeypatch):
    ask(vendor, "coinbase", as_json(GOOD), archive=Archive(tmp_path))
    import sys

    for package in ("curl_cffi", "pyrate_limiter"):
        monkeypatch.setitem(sys.modules, package, None)
    for module in ("wire", "rate_limit"):
        monkeypatch.delitem(sys.modules, f"dagster_project.sources.live.{module}", raising=False)
    replay = vendor.client("coinbase", archive=Archive(tmp_path), replay=True)
    assert parse_json(replay.get("coinbase", "/x")) == GOOD
    with pytest.raises(SettingsError, match="not installed") as refused:
        vendor.client("coinbase").get("coinbase", "/x")
    assert "make live" in refused.value.mend


def test_replay_repeats_refusals_with_what_was_said(vendor, tmp_path):
    steps = {
        "/paid": status(403, b'{"error": {"type": "forbidden"}}', "application/json"),
        "/page": html(200, "Blocked"),
    }
    said = {}
    for replay in (False, True):
        client = vendor.client("coinmetrics", archive=Archive(tmp_path), replay=replay)
        for path, step in steps.items():
            vendor.on(path, step)
            with pytest.raises(HttpRefused) as refused:
                client.get("coinmetrics", path)
            error = refused.value
            said[replay, path] = (str(error), error.status, error.body, error.content_type)
    for path in steps:
        assert said[True, path] == said[False, path]
    assert len(vendor.requests) == 2


def test_what_is_unusable_for_a_moment_is_not_recorded(vendor, tmp_path):
    for fault in (status(500), status(429), truncated(), unframed(b"[1,")):
        with pytest.raises(HttpUnavailable):
            ask(vendor, "coinbase", fault, archive=Archive(tmp_path))
    assert list(Archive(tmp_path).records()) == []


def test_a_refusal_does_not_hide_the_good_answer_before_it(vendor, tmp_path):
    clock = FakeClock()
    archive = Archive(tmp_path)
    client = vendor.client("coinbase", archive=archive, clock=clock)
    vendor.on("/x", as_json([1]), html(403, "Blocked tonight"), as_json([2]))
    client.get("coinbase", "/x")
    first_evening = clock.now()
    clock.passed_s += 86_400
    with pytest.raises(HttpRefused):
        client.get("coinbase", "/x")
    assert (
        vendor.client("coinbase", archive=archive, replay=True).get("coinbase", "/x").body == b"[1]"
    )
    clock.passed_s += 86_400
    client.get("coinbase", "/x")

    def replayed(at: datetime | None) -> bytes:
        replay = vendor.client("coinbase", archive=archive, replay=True, replay_at=at)
        return replay.get("coinbase", "/x").body

    assert replayed(None) == b"[2]"
    assert replayed(first_evening) == b"[1]"
    with pytest.raises(NotRecorded):
        replayed(first_evening - timedelta(seconds=1))


@both_wires
def test_an_unchanged_answer_is_confirmed_and_not_sent_again(vendor, host, tmp_path):
    def served(asked: Any) -> Answer:
        if asked.headers.get("if-none-match") == '"v1"':
            return Answer(b"", 304, None, {"ETag": '"v1"'})
        return as_json(GOOD, etag='"v1"', last_modified="Sun, 04 Jan 2026 12:00:00 GMT")

    vendor.on("/x", served)
    clock = FakeClock()
    client = vendor.client(host, archive=Archive(tmp_path), clock=clock)
    first = client.get(host, "/x")
    clock.passed_s += 3600
    second = client.get(host, "/x")
    assert vendor.requests[1].headers["if-modified-since"] == "Sun, 04 Jan 2026 12:00:00 GMT"
    assert (first.from_archive, second.from_archive) == (False, True)
    assert (second.body, second.status, second.sha256) == (first.body, 200, first.sha256)
    assert second.headers["content-type"] == "application/json"
    assert second.retrieved_at == first.retrieved_at + timedelta(hours=1)
    assert [each.confirmed for each in Archive(tmp_path).records()] == [False, True]
    # A replay sees the day on which the host last stood by it.
    replay = vendor.client(host, archive=Archive(tmp_path), replay=True)
    assert replay.get(host, "/x").retrieved_at == second.retrieved_at

    client.get(host, "/x", conditional=False)
    assert "if-none-match" not in vendor.requests[2].headers


def test_a_changed_answer_replaces_the_one_before(vendor, tmp_path):
    client = vendor.client("sec", archive=Archive(tmp_path))
    vendor.on("/x", as_json([1], etag='"v1"'), as_json([1, 2], etag='"v2"'), as_json([9]))
    assert [client.get("sec", "/x").body for _ in range(2)] == [b"[1]", b"[1, 2]"]
    client.get("sec", "/x")
    assert [each.headers.get("if-none-match") for each in vendor.requests] == [
        None,
        '"v1"',
        '"v2"',
    ]


def test_a_damaged_record_is_asked_for_anew(vendor, tmp_path):
    archive = Archive(tmp_path)
    ask(vendor, "coinbase", as_json(GOOD, etag='"v1"'), archive=archive)
    (body_path,) = (tmp_path / "bodies").glob("*/*.gz")
    body_path.write_bytes(b"not what it was")
    reply = vendor.client("coinbase", archive=archive).get("coinbase", "/x")
    assert parse_json(reply) == GOOD
    assert "if-none-match" not in vendor.requests[-1].headers
    replay = vendor.client("coinbase", archive=Archive(tmp_path), replay=True)
    assert parse_json(replay.get("coinbase", "/x")) == GOOD


def test_replay_without_an_archive_is_a_mistake_of_the_caller(vendor):
    with pytest.raises(ValueError, match="archive"):
        vendor.client("coinbase", replay=True)


def test_an_archive_that_cannot_be_written_says_so(vendor, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written") as refused:
        ask(vendor, "coinbase", as_json(GOOD), archive=Archive(tmp_path / "file"))
    assert "MINER_ARCHIVE_DIR" in refused.value.mend


# ---- keys ----


@both_wires
def test_a_key_reaches_the_host_and_nothing_that_is_written(vendor, host, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    echo = f'{{"error": "bad token {KEY}"}}'.encode()
    steps = {
        "/ok": (as_json({"you": f"Token {KEY}"}, etag=f'"{KEY}"'),),
        "/denied": (status(403, echo, "application/json"),),
        "/page": (Answer(echo, 200, "text/html"),),
        "/busy": (status(503, echo),),
        "/reset": (reset_mid_body(),),
        "/moved": (redirect(f"/ok?token={KEY}"),),
    }
    client = vendor.client(host, archive=Archive(tmp_path), changes={"attempts": 2})
    shown = []
    for path, answers in steps.items():
        vendor.on(path, *answers)
        try:
            shown.append(
                repr(client.get(host, path, secret_headers={"Authorization": f"Token {KEY}"}))
            )
        except SourceError as error:
            shown.append("".join(traceback.format_exception(error)) + repr(vars(error)))
    assert vendor.requests[0].headers["authorization"] == f"Token {KEY}"
    assert not any(KEY in each.target for each in vendor.requests)
    shown += [caplog.text, repr(client), repr(vars(client))]
    assert [text for text in shown if KEY in text] == []

    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 3
    archive = Archive(tmp_path)
    stored = [record.line() + archive.body(record) for record in archive.records()]
    stored += [path.read_bytes() + path.name.encode() for path in written]
    assert [text for text in stored if KEY.encode() in text] == []


def test_a_key_in_an_address_is_a_mistake_of_the_caller(vendor):
    client = vendor.client("tiingo", secrets=(Secret(KEY),))
    for target, params in ((f"/x?token={KEY}", None), ("/x", {"token": KEY})):
        with pytest.raises(ValueError, match="never into an address") as refused:
            client.get("tiingo", target, params)
        assert KEY not in str(refused.value)
    assert vendor.requests == []


@pytest.mark.parametrize("value", [f"{KEY}\r\nX-Evil: 1", f"{KEY}ü", f"{KEY}\n"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(vendor, value):
    with pytest.raises(SourceError, match="no header may have") as refused:
        vendor.client("tiingo").get("tiingo", "/x", secret_headers={"Authorization": value})
    assert KEY not in "".join(traceback.format_exception(refused.value))
    assert vendor.requests == []


# ---- the rest of the contract ----


def test_the_sec_is_not_asked_without_a_contact(vendor):
    with pytest.raises(SourceError, match="contact") as refused:
        vendor.client("sec", contact="").get("sec", "/x")
    assert "MINER_CONTACT" in refused.value.mend
    assert vendor.requests == []


def test_an_unknown_host_is_a_mistake_of_the_caller(vendor):
    with pytest.raises(ValueError, match="no such host"):
        vendor.client("coinbase").get("stooq", "/x")


def test_every_retry_stands_in_the_log(vendor, caplog):
    caplog.set_level(logging.INFO)
    ask(vendor, "coinbase", status(502), as_json(GOOD))
    (line,) = [each.getMessage() for each in caplog.records if "attempt" in each.getMessage()]
    assert "coinbase: status 502; attempt 1 of 2, the next in " in line


def test_accepted_types_are_the_callers_choice(vendor):
    vendor.on("/csv", Answer(b"a,b\n", 200, "text/csv; charset=utf-8"))
    vendor.on("/any", Answer(b"\x00", 200, "application/x-thing"))
    client = vendor.client("coinbase")
    assert client.get("coinbase", "/csv", accept=("text/csv",)).body == b"a,b\n"
    assert client.get("coinbase", "/any", accept=("*/*",)).body == b"\x00"
    assert vendor.requests[0].headers["accept"] == "text/csv"


def test_a_client_made_from_settings(vendor, tmp_path):
    settings = read_settings(
        {
            "MINER_SOURCE": "live",
            "MINER_OUTPUT_DIR": str(tmp_path),
            "MINER_URL_COINBASE": vendor.url,
            "MINER_CONTACT": "me@example.org",
        }
    )
    vendor.on("/x", as_json(GOOD))
    with open_client(settings) as client:
        client.get("coinbase", "/x")
        assert not client.replay
    assert vendor.requests[0].headers["user-agent"].endswith("(me@example.org)")
    assert len(list(Archive(tmp_path / "archive").records())) == 1
    again = read_settings({"MINER_SOURCE": "replay", "MINER_OUTPUT_DIR": str(tmp_path)})
    with open_client(again) as client:
        assert parse_json(client.get("coinbase", "/x")) == GOOD
    assert len(vendor.requests) == 1


def _reply(body: bytes) -> Reply:
    return Reply("u", 200, {}, body, datetime(2026, 1, 5, tzinfo=UTC), "", False, 0.0, 1)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"904571098435893452800", 904571098435893452800),
        (b"84321.98765432109876543210987654", Decimal("84321.98765432109876543210987654")),
        (b"1e-5", Decimal("0.00001")),
        (b"\xef\xbb\xbf[1]", [1]),
        ('"Pynnönen"'.encode(), "Pynnönen"),
    ],
)
def test_numbers_lose_nothing_on_the_way(body, value):
    parsed = parse_json(_reply(body))
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"{",
        b'{"a": [1, 2',
        b"[1]]",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b'"\xff"',
        b"\xff\xfe[\x001\x00]\x00",
        b"[" * 200_000,
        b"1" * 100_000,
        b"1e" + b"9" * 30,
        b"No data",
    ],
    ids=lambda body: ascii(body[:12]),
)
def test_what_is_not_json_is_a_source_error(body):
    with pytest.raises(SourceError) as refused:
        parse_json(_reply(body))
    assert refused.value.where == "u"
    assert len(str(refused.value)) < 500

"""One way to the internet: every vendor asks through ``HttpClient.get``.

It waits its turn, tries again, recognises what is not an answer, keeps what was said, and can
repeat it later without any network (replay). Whatever goes wrong ends as one of three errors,
all SourceError: HttpRefused (the host said no), HttpUnavailable (nobody said anything usable),
NotRecorded (replay has no such answer).
"""

from __future__ import annotations

import email.utils
import logging
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from dagster_project.errors import SettingsError, SourceError
from dagster_project.secret import Secret, blanked, blanked_bytes, secret_words
from dagster_project.settings import Settings
from dagster_project.sources.live.archive import Archive, Record, digest
from dagster_project.sources.live.circuit_breaker import CircuitBreaker
from dagster_project.sources.live.clock import Clock, SystemClock
from dagster_project.sources.live.hosts import HostPolicy, is_loopback, policies
from dagster_project.sources.live.http_errors import (
    HttpRefused,
    HttpUnavailable,
    Later,
    NotRecorded,
)
from dagster_project.sources.live.strict_json import decode
from dagster_project.sources.live.vendor import JSON_TYPES, Busy

if TYPE_CHECKING:
    from dagster_project.sources.live.rate_limit import RateLimiter
    from dagster_project.sources.live.wire import Exchange, Wire

LOG = logging.getLogger(__name__)

# What of an answer's headers is of use later; cookies are never kept.
KEPT_HEADERS = ("content-type", "date", "etag", "last-modified")
# The host may be well again in a moment: too early, too many, or its own trouble.
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 3
# First wait between two attempts, its growth is by two, and its upper bound, in seconds.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# How much of an unexpected body an error quotes, in characters, and keeps, in bytes.
EXCERPT_CHARACTERS = 200
KEPT_BODY_BYTES = 65_536
TARGET = re.compile(r"[!-~]+")
HEADER_VALUE = re.compile(r"[ -~]*")


@dataclass(frozen=True)
class Reply:
    """One usable answer: status 200, of an expected type, whole.

    ``url`` has no key in it. ``headers`` are KEPT_HEADERS as far as the host sent them, with
    lower-case names. ``sha256`` is of ``body``. ``retrieved_at`` is when the host last said so.
    ``from_archive``: the bytes come from the archive (replay, or the host confirmed them).
    ``waited_s`` seconds went into rate limits and back-off; ``attempts`` requests were sent.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    retrieved_at: datetime
    sha256: str
    from_archive: bool
    waited_s: float
    attempts: int


def open_client(settings: Settings) -> HttpClient:
    """The client that the settings describe. Raises SettingsError."""
    return HttpClient(
        policies(dict(settings.source_urls)),
        contact=settings.contact,
        archive=Archive(settings.archive_dir),
        replay=settings.source_mode == "replay",
        replay_at=settings.replay_at,
        proxy=settings.proxy or None,
        secrets=settings.secrets,
    )


@dataclass
class _TryAgain(Exception):
    """One attempt failed in a way that another may not."""

    what: str
    status: int | None = None
    retry_after_s: float | None = None
    unreachable: bool = False

    def __str__(self) -> str:
        return self.what


@dataclass
class _Question:
    """One request on its way, and what it cost."""

    host: str
    policy: HostPolicy
    target: str
    url: str
    accept: tuple[str, ...]
    headers: dict[str, str]
    secrets: tuple[str, ...]
    busy: Busy | None = None
    waited_s: float = 0.0
    attempts: int = 0
    stored: Record | None = None
    stored_body: bytes = b""


@dataclass
class _Lane:
    """What the requests of one limit group share."""

    name: str
    limiter: RateLimiter
    wire: Wire


class HttpClient:
    """Asks hosts by their key in ``policies``.

    ``contact`` goes into the User-Agent. ``archive`` receives every answer and is what
    conditional requests refer to; without one nothing is kept. With ``replay`` only the archive
    answers, as it stood at ``replay_at`` (None: as it is) and with nothing from before
    ``replay_from``. ``proxy`` is an HTTP proxy's address.
    ``secrets`` are further words that no record, log or error may hold. Safe between threads.
    """

    def __init__(
        self,
        policies: Mapping[str, HostPolicy],
        *,
        contact: str = "",
        archive: Archive | None = None,
        replay: bool = False,
        replay_from: datetime | None = None,
        replay_at: datetime | None = None,
        proxy: Secret | None = None,
        secrets: tuple[Secret, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        if replay and archive is None:
            raise ValueError("replay needs an archive")
        for name, policy in policies.items():
            parts = urlsplit(policy.base_url)
            # The settings say so too; a policy made elsewhere is held to it all the same.
            if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
                raise ValueError(f"{name}: only this machine itself may be asked without TLS")
        self.policies = MappingProxyType(dict(policies))
        self.contact = contact
        self.replay = replay
        self._archive = archive
        self._replay_from = replay_from
        self._replay_at = replay_at
        self._proxy = proxy
        self._secrets = tuple(secret.reveal() for secret in secrets if secret)
        self._clock = clock or SystemClock()
        self.breaker = CircuitBreaker(self._clock)
        self._lock = threading.Lock()
        # Only live requests need their packages: made with the first one.
        self._wire: Wire | None = None
        self._lanes: dict[str, _Lane] = {}

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            wire, self._wire, self._lanes = self._wire, None, {}
        if wire:
            wire.close()

    def get(
        self,
        host: str,
        path_or_url: str,
        params: Mapping[str, str] | None = None,
        *,
        accept: tuple[str, ...] = JSON_TYPES,
        secret_headers: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        conditional: bool = True,
        busy: Busy | None = None,
    ) -> Reply:
        """What ``host`` (a key of the policies) answers to GET.

        ``path_or_url`` is a path, or an address on the same host as a vendor names it for its
        next page. ``accept`` are the content types that count as an answer. ``secret_headers``
        are sent, and neither they nor their words are ever stored or shown. With
        ``conditional`` a host that kept an answer unchanged may say so instead of sending it.
        ``busy`` finds in decoded JSON or a text that the host means "later" with status 200:
        that is tried again as the status it stands for would be, and never recorded.

        Raises SourceError: HttpRefused, HttpUnavailable, NotRecorded, or that a setting is missing;
        SettingsError when the packages of live sources are.
        """
        question = self._question(
            host, path_or_url, params or {}, accept, headers or {}, secret_headers or {}
        )
        question.busy = busy
        if self.replay:
            return self._repeat(question)
        if conditional:
            self._remember(question)
        try:
            return self._ask(question)
        except (HttpRefused, HttpUnavailable) as error:
            error.attempts, error.waited_s = question.attempts, question.waited_s
            raise

    # ---- the question ----

    def _question(
        self,
        host: str,
        path_or_url: str,
        params: Mapping[str, str],
        accept: tuple[str, ...],
        headers: Mapping[str, str],
        secret_headers: Mapping[str, str],
    ) -> _Question:
        policy = self.policies.get(host)
        if policy is None:
            raise ValueError(f"no such host: {host!r}")
        secrets = secret_words((*secret_headers.values(), *self._secrets))
        if any(word in text for word in secrets for text in (path_or_url, *params.values())):
            # Addresses are logged and stored, by hosts and proxies too.
            raise ValueError("a key belongs into secret_headers, never into an address")
        target = self._target(policy, path_or_url, params)
        own = {
            "Accept": ", ".join(accept),
            "User-Agent": self._user_agent(policy),
        }
        # A browser's headers are a whole; ours among them would give it away.
        sent = {**({} if policy.impersonate else own), **headers, **secret_headers}
        for name, value in sent.items():
            if not HEADER_VALUE.fullmatch(value):
                raise SourceError(
                    f"The value for the header {name} has a character that no header may have.",
                    mend="look for a line break or a letter with an accent in the setting",
                )
        url = policy.base_url.rstrip("/") + target
        return _Question(host, policy, target, url, accept, sent, secrets)

    @staticmethod
    def _target(policy: HostPolicy, path_or_url: str, params: Mapping[str, str]) -> str:
        """Path and query below the base address. Parameters are sorted, so that one question
        has one name in the archive."""
        base = urlsplit(policy.base_url)
        target = path_or_url
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", path_or_url):
            target = _below(base, path_or_url)
        if not target.startswith("/"):
            target = f"/{target}"
        if params:
            query = urlencode(sorted(params.items()))
            target += ("&" if "?" in target else "?") + query
        if not TARGET.fullmatch(target) or "#" in target:
            raise HttpRefused(
                "This is not an address that can be asked for.",
                status=0,
                where=ascii(f"{policy.base_url}{target}"[:300]),
            )
        return target

    def _user_agent(self, policy: HostPolicy) -> str:
        if policy.needs_contact and not self.contact and not self.replay:
            raise SourceError(
                "This source asks every program for a contact, and none is set.",
                where=policy.base_url,
                mend="set MINER_CONTACT to an e-mail address of yours",
            )
        return f"miner-warehouse/0.1 ({self.contact})" if self.contact else "miner-warehouse/0.1"

    # ---- the archive's part ----

    def _repeat(self, question: _Question) -> Reply:
        assert self._archive is not None
        record = self._archive.find(
            question.host,
            question.target,
            not_before=self._replay_from,
            not_after=self._replay_at,
        )
        if record is None:
            raise NotRecorded(
                "This was never recorded, and replay asks nobody.",
                where=f"{question.url} in {self._archive.directory}",
                mend="record it once with MINER_SOURCE=live, or point MINER_ARCHIVE_DIR at an "
                "archive that holds it",
            )
        body = self._archive.body(record)
        if record.status != 200:
            raise self._refusal(question, record.status, record.headers, body)
        self._guard_type(question, record.headers, body)
        return self._reply(question, record.headers, body, record.retrieved_at, True)

    def _remember(self, question: _Question) -> None:
        """Ask only for what changed since the answer in the archive, if there is one."""
        if self._archive is None:
            return
        record = self._archive.find(question.host, question.target)
        if record is None or record.status != 200:
            return
        conditions = {}
        if etag := record.headers.get("etag"):
            conditions["If-None-Match"] = etag
        if changed := record.headers.get("last-modified"):
            conditions["If-Modified-Since"] = changed
        if not conditions or not all(HEADER_VALUE.fullmatch(v) for v in conditions.values()):
            return
        try:
            question.stored_body = self._archive.body(record)
        except SourceError as error:
            LOG.warning("%s: asking anew. %s", question.host, error.what)
            return
        question.stored = record
        question.headers.update(conditions)

    def _keep(self, question: _Question, **answer: Any) -> None:
        if self._archive is not None:
            self._archive.write(question.host, question.target, **answer)

    # ---- asking ----

    def _ask(self, question: _Question) -> Reply:
        lane = self._lane(question)
        for n_failed in range(1, question.policy.attempts + 1):
            try:
                return self._attempt(question, lane)
            except _TryAgain as error:
                failed = error
            if n_failed < question.policy.attempts:
                pause_s = failed.retry_after_s
                if pause_s is None:
                    # Jitter, so that two commands do not come back at one time.
                    jitter_s = random.uniform(0, FIRST_PAUSE_S)  # noqa: S311 - no secret
                    pause_s = min(FIRST_PAUSE_S * 2 ** (n_failed - 1) + jitter_s, LONGEST_PAUSE_S)
                often = f"attempt {n_failed} of {question.policy.attempts}"
                LOG.info("%s: %s; %s, the next in %.1f s", question.host, failed, often, pause_s)
                self._clock.sleep(pause_s)
                question.waited_s += pause_s
        if failed.status == 429 or failed.unreachable:
            self.breaker.open(lane.name, question.policy.cool_down_s, failed.what)
        often = "attempt" if question.attempts == 1 else "attempts"
        raise HttpUnavailable(
            f"No usable answer after {question.attempts} {often}: {failed.what}.",
            status=failed.status,
            retry_after_s=failed.retry_after_s,
            where=question.url,
            mend="check the connection and try again later; `make doctor` shows which "
            "sources answer",
        )

    def _attempt(self, question: _Question, lane: _Lane) -> Reply:
        self._wait_until_open(question, lane)
        exchange = self._exchange(question, lane)
        retrieved_at = self._clock.now()
        headers = {
            name: blanked(exchange.headers[name], question.secrets)
            for name in KEPT_HEADERS
            if name in exchange.headers
        }
        # A host may quote a key in its error; then replay sees the same blanked words.
        body = blanked_bytes(exchange.body, question.secrets)
        kept: dict[str, Any] = {"headers": headers, "body": body, "retrieved_at": retrieved_at}
        if exchange.status == 304 and question.stored is not None:
            headers = {**question.stored.headers, **headers}
            kept.update(headers=headers, body=question.stored_body)
            self._keep(question, status=200, confirmed=True, **kept)
            return self._reply(question, headers, question.stored_body, retrieved_at, True)
        if exchange.status in PASSING_STATUSES:
            what = f"status {exchange.status}"
            if excerpt := _excerpt(body):
                what += f" ({excerpt})"
            asked = exchange.headers.get("retry-after")
            wait_s = _retry_after_s(asked, self._clock.now())
            raise self._passing(question, lane, Later(what, exchange.status, wait_s))
        if exchange.status != 200:
            self._keep(question, status=exchange.status, **kept)
            raise self._refusal(question, exchange.status, headers, body)
        if _type_fits(headers, question.accept):
            said: Any = body.decode("utf-8", "replace")
            if _is_json(headers):
                # A body that lost its end without the protocol noticing is worth another
                # attempt, and must not stay behind as what later answers are confirmed against.
                try:
                    said = decode(body, where=question.url, number=float)
                except SourceError as error:
                    raise _TryAgain(error.what.rstrip("."), status=200) from None
            if question.busy is not None and (later := question.busy(said)) is not None:
                raise self._passing(question, lane, later)
        self._keep(question, status=200, **kept)
        self._guard_type(question, headers, body)
        return self._reply(question, headers, body, retrieved_at, False)

    def _exchange(self, question: _Question, lane: _Lane) -> Exchange:
        """One question and its redirects within the host."""
        from dagster_project.sources.live.wire import (
            ConnectFailed,
            TooLarge,
            WireError,
        )

        policy = question.policy
        url = question.url
        for _hop in range(MAX_REDIRECTS + 1):
            question.waited_s += lane.limiter.acquire()
            question.attempts += 1
            try:
                exchange = lane.wire.get(
                    url,
                    question.headers,
                    timeout_s=policy.timeout_s,
                    deadline_s=policy.deadline_s,
                    max_bytes=policy.max_bytes,
                    direct=policy.is_loopback,
                    browser=policy.impersonate,
                )
            except TooLarge as error:
                raise HttpRefused(
                    f"The answer is not read: {error}.",
                    status=200,
                    where=question.url,
                    mend="ask for less at once, or check what the address serves now",
                ) from None
            except ConnectFailed as error:
                what = blanked(str(error), question.secrets)
                raise _TryAgain(what, unreachable=True) from None
            except WireError as error:
                raise _TryAgain(blanked(str(error), question.secrets)) from None
            if exchange.status not in REDIRECTS:
                return exchange
            # Reading on at another host would hand it our headers and trust its figures.
            asked = exchange.headers.get("location", "")
            try:
                asked = _joined(url, asked)
                url = policy.base_url.rstrip("/") + _below(urlsplit(policy.base_url), asked)
            except HttpRefused:
                elsewhere = ascii(blanked(asked, question.secrets)[:80])
                raise HttpRefused(
                    f"The host sends us elsewhere, to {elsewhere}, which is not followed.",
                    status=exchange.status,
                    where=question.url,
                    mend=f"if the source has moved, set MINER_URL_{question.host.upper()}",
                ) from None
            if any(word in url for word in question.secrets) or not TARGET.fullmatch(url):
                break
        raise HttpRefused(
            f"The host redirects again and again ({MAX_REDIRECTS} were followed), or to an "
            "address that is none.",
            status=exchange.status,
            where=question.url,
        )

    def _lane(self, question: _Question) -> _Lane:
        try:
            from dagster_project.sources.live.rate_limit import RateLimiter
            from dagster_project.sources.live.wire import Wire
        except ImportError as error:
            raise SettingsError(
                f"Live sources need packages that are not installed ({error.name}).",
                mend="make live installs them and runs",
            ) from error
        policy = question.policy
        group = policy.limit_group or question.host
        with self._lock:
            self._wire = self._wire or Wire(self._proxy)
            if group not in self._lanes:
                limiter = RateLimiter(policy.requests, policy.per_seconds, self._clock)
                self._lanes[group] = _Lane(group, limiter, self._wire)
            return self._lanes[group]

    def _wait_until_open(self, question: _Question, lane: _Lane) -> None:
        """Honour what the host asked for in an earlier answer, to whichever question."""
        closed_s, why = self.breaker.rest(lane.name)
        if closed_s > question.policy.patience_s:
            raise HttpUnavailable(
                f"Not asked: this host is left alone for another {closed_s:.0f} s ({why}).",
                retry_after_s=closed_s,
                where=question.url,
                mend="try again after that time",
            )
        if closed_s > 0:
            self._clock.sleep(closed_s)
            question.waited_s += closed_s

    def _passing(
        self, question: _Question, lane: _Lane, later: Later
    ) -> _TryAgain | HttpUnavailable:
        if later.wait_s is None:
            return _TryAgain(later.what, status=later.status)
        self.breaker.open(lane.name, later.wait_s, f"it asked for that with status {later.status}")
        if later.wait_s <= question.policy.patience_s:
            return _TryAgain(later.what, status=later.status, retry_after_s=later.wait_s)
        return HttpUnavailable(
            f"The host asks to be left alone for {later.wait_s:.0f} s: {later.what}.",
            status=later.status,
            retry_after_s=later.wait_s,
            where=question.url,
            mend="try again after that time",
        )

    # ---- what counts as an answer ----

    def _refusal(
        self, question: _Question, status: int, headers: Mapping[str, str], body: bytes
    ) -> HttpRefused:
        excerpt = _excerpt(body)
        mend = "the address may have moved, or the dates asked for are wrong: make doctor"
        if status in {401, 403, 407, 451}:
            # Most hosts have no key that could be set.
            mend = "the host blocks this network or has closed the interface: make doctor"
            if question.policy.setting:
                mend = f"check {question.policy.setting}; the host may also block this network"
        return HttpRefused(
            f"The host refused with status {status}" + (f": {excerpt}" if excerpt else "."),
            status=status,
            body=body[:KEPT_BODY_BYTES],
            content_type=_content_type(headers),
            where=question.url,
            mend=mend,
        )

    @staticmethod
    def _guard_type(question: _Question, headers: Mapping[str, str], body: bytes) -> None:
        if _type_fits(headers, question.accept):
            return
        found = _content_type(headers) or "no content type"
        excerpt = _excerpt(body)
        raise HttpRefused(
            f"The host answered with {found[:80]} instead of {' or '.join(question.accept)}"
            + (f": {excerpt}" if excerpt else "."),
            status=200,
            body=body[:KEPT_BODY_BYTES],
            content_type=found,
            where=question.url,
            mend="a page for people stands here: the host may block this network, or the address "
            "may have moved",
        )

    @staticmethod
    def _reply(
        question: _Question,
        headers: Mapping[str, str],
        body: bytes,
        retrieved_at: datetime,
        from_archive: bool,
    ) -> Reply:
        return Reply(
            url=question.url,
            status=200,
            headers=MappingProxyType(dict(headers)),
            body=body,
            retrieved_at=retrieved_at,
            sha256=digest(body),
            from_archive=from_archive,
            waited_s=question.waited_s,
            attempts=question.attempts,
        )


def _joined(url: str, location: str) -> str:
    """``location`` as seen from ``url``. Raises HttpRefused for what is no address."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise HttpRefused("This is not an address.", status=0) from None


def _below(base: SplitResult, url: str) -> str:
    """Path and query of ``url`` below ``base``. Raises HttpRefused when it is elsewhere."""
    try:
        parts = urlsplit(url)
        ports = {"http": 80, "https": 443}
        same = (
            parts.scheme == base.scheme
            and parts.hostname == base.hostname
            and (parts.port or ports.get(parts.scheme)) == (base.port or ports.get(base.scheme))
            and parts.username is None
            and (parts.path == base.path or parts.path.startswith(base.path.rstrip("/") + "/"))
        )
    except ValueError:
        same = False
    if not same:
        raise HttpRefused(
            "The address is on another host, which is not asked.",
            status=0,
            where=ascii(url[:300]),
            mend="a source is asked at its own address only; MINER_URL_… changes it",
        )
    path = parts.path[len(base.path.rstrip("/")) :] or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_json(headers: Mapping[str, str]) -> bool:
    content_type = _content_type(headers)
    return content_type.endswith(("/json", "+json"))


def _type_fits(headers: Mapping[str, str], accept: tuple[str, ...]) -> bool:
    return _content_type(headers) in accept or "*/*" in accept


def _excerpt(body: bytes) -> str:
    """The beginning of a body, on one line, without control characters."""
    text = body[: EXCERPT_CHARACTERS * 4].decode("utf-8", errors="replace")
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:EXCERPT_CHARACTERS]


def _retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header (seconds or a date); None when it says neither."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        return float(text)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)

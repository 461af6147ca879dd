"""Which live sources answer, how fast, how fresh, what their answers lack, and what to do."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from dagster_project.contracts import BY_NAME, LATE_AFTER_DAYS, Window
from dagster_project.errors import SourceError
from dagster_project.settings import Settings
from dagster_project.sources.exchange_calendar import NEW_YORK
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.asking import EquityVendor
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.clock import Clock, SystemClock
from dagster_project.sources.live.coinbase import CoinbaseExchange
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.edgar import DATA, SEARCH, WWW
from dagster_project.sources.live.edgar_answers import (
    parse_company_tickers,
    parse_search,
    parse_submissions,
)
from dagster_project.sources.live.equity_history import UNFINISHED
from dagster_project.sources.live.figures import BITCOIN
from dagster_project.sources.live.hosts import HOSTS, HostPolicy, policies
from dagster_project.sources.live.http_client import HttpClient
from dagster_project.sources.live.http_errors import HttpUnavailable
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.sources.live.opening import Asked
from dagster_project.sources.live.strict_json import parse_json
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.vendor import Vendor
from dagster_project.sources.live.yahoo import YahooVendor
from dagster_project.sources.registry import open_folder

# A few questions each, and nobody waits long for a diagnosis.
ATTEMPTS = 1
TIMEOUT_S = 10.0
DEADLINE_S = 20.0
AT_ONCE = 6
# How far back the drill looks for missing sessions and days.
DRILL_DAYS = 30
LATE_MEND = (
    "nothing here: a run takes what there is, goes on tomorrow from where it ended, and the next "
    "source of data/study/vendors.csv stands in when this one refuses"
)
# What to do about a remark, by words of it.
REMEDIES = (
    ("not served", "nothing: what is computed from other metrics is named, stored figures stay"),
    ("symbol_aliases.csv", "add or correct the row of the share there"),
    ("filed under", "nothing, where ledger/symbol_aliases.csv says that it is verified"),
    ("missing", "a run asks the next source of data/study/vendors.csv for these days"),
)

ANSWERING = frozenset({"ok", "late"})
# Hosts of the vendors of data/study/vendors.csv that are not one host of the same name.
HOSTS_OF = {
    ("sec_edgar", "filing_candidates"): (DATA, SEARCH, WWW),
    ("sec_edgar", "xbrl_facts"): (DATA, WWW),
}
# A share that trades every session, and a company that files with the SEC every month.
_TRADED = "SPY"
_FILER_CIK = "0001167419"


@dataclass(frozen=True)
class Room:
    """Where a source is examined: the HTTP layer, the settings, the day in New York, the panel."""

    client: HttpClient
    settings: Settings
    today: date
    panel: Asked


@dataclass(frozen=True)
class Seen:
    """What an answer shows: its newest date, and remarks on what is missing, refused or renamed."""

    newest_date: date | None
    remarks: tuple[str, ...] = ()


Ask = Callable[[Room], Seen]


@dataclass(frozen=True)
class SourceProbe:
    """One source to examine.

    ``ask`` puts few and cheap questions (``newest_date`` None: the answer has none); it raises
    SourceError. ``late_after_days`` is how old that date may be before something is wrong there,
    a weekend and a holiday for prices; None where its answer has no day. ``needs`` names the
    setting without which it is not asked; without one it belongs to the default set.
    """

    host: str
    gives: str
    ask: Ask
    late_after_days: int | None
    needs: str = ""


@dataclass(frozen=True)
class Finding:
    """What came of it. ``state`` is ``ok``, ``late`` (it answers, but its figures end too early),
    ``failed`` or ``not set up``; ``remarks`` are what its answer lacks."""

    probe: SourceProbe
    state: str
    latency_s: float | None = None
    newest_date: date | None = None
    problem: str = ""
    mend: str = ""
    remarks: tuple[str, ...] = ()


def _last_days(room: Room) -> Window:
    return Window(room.today - timedelta(days=DRILL_DAYS), room.today)


def _drilled(table: str, make: Callable[[Room], Vendor]) -> Ask:
    """The vendor's own reading of the last days: what the drill finds, a run would find."""

    def ask(room: Room) -> Seen:
        contract = BY_NAME[table]
        answer = make(room).fetch(contract, BITCOIN, _last_days(room))
        return Seen(max(answer.columns.get(contract.time_column, ()), default=None), answer.notes)

    return ask


def _prices(make: Callable[[Room], EquityVendor]) -> Ask:
    """The last sessions of a share that trades every day, and of those with other symbols."""

    def ask(room: Room) -> Seen:
        vendor, prices = make(room), BY_NAME["equity_prices"]
        answer = vendor.fetch(prices, _TRADED, _last_days(room))
        remarks = [note for note in answer.notes if UNFINISHED not in note]
        for ticker in sorted({alias.ticker for alias in room.panel.aliases}):
            try:
                remarks += vendor.fetch(prices, ticker, _last_days(room)).notes
            except SourceError as error:
                remarks.append(f"{ticker}: {error.what}")
        return Seen(max(answer.columns["session_date"], default=None), tuple(remarks))

    return ask


def _filings(room: Room) -> Seen:
    """Newest of the filings of a company."""
    body = parse_json(room.client.get(DATA, f"/submissions/CIK{_FILER_CIK}.json"))
    filings = parse_submissions(body, _FILER_CIK, room.today).filings
    return Seen(max((filing.filed_date for filing in filings), default=None))


def _searched(room: Room) -> Seen:
    """Newest of the filings that a search over the last year finds."""
    asked = {
        "q": '"bitcoin"',
        "forms": "8-K",
        "ciks": _FILER_CIK,
        "dateRange": "custom",
        "startdt": (room.today - timedelta(days=365)).isoformat(),
        "enddt": room.today.isoformat(),
    }
    body = parse_json(room.client.get(SEARCH, "/LATEST/search-index", asked))
    hits = parse_search(body, _FILER_CIK, room.today).hits
    return Seen(max((hit.filed_date for hit in hits), default=None))


def _listed(room: Room) -> Seen:
    """When the list of companies was last written, and whom it lists under another symbol."""
    reply = room.client.get(WWW, "/files/company_tickers.json")
    symbols: dict[str, list[str]] = {}
    for symbol, cik in parse_company_tickers(parse_json(reply)).items():
        symbols.setdefault(cik, []).append(symbol)
    renamed = tuple(
        f"{ticker} is listed as {', '.join(symbols[cik])} today (ledger/symbol_aliases.csv)"
        for ticker, cik in sorted(room.panel.edgar.ciks.items())
        if cik in symbols and ticker not in symbols[cik]
    )
    try:
        written = email.utils.parsedate_to_datetime(reply.headers.get("last-modified", ""))
    except (ValueError, TypeError, IndexError):
        return Seen(None, renamed)
    return Seen(written.astimezone(NEW_YORK).date() if written.tzinfo else written.date(), renamed)


def _yahoo(room: Room) -> EquityVendor:
    return YahooVendor(room.client, aliases=room.panel.aliases, asked_on=room.today)


def _tiingo(room: Room) -> EquityVendor:
    key = room.settings.tiingo_key
    return TiingoVendor(room.client, key, aliases=room.panel.aliases, asked_on=room.today)


def _daily(host: str, gives: str, table: str, make: Callable[[HttpClient], Vendor]) -> SourceProbe:
    ask = _drilled(table, lambda room: make(room.client))
    return SourceProbe(host, gives, ask, LATE_AFTER_DAYS[table])


_PRICES_LATE, _HASHRATES = LATE_AFTER_DAYS["equity_prices"], "network_metrics_second_source"
_TIINGO, _SEC = {"needs": "MINER_TIINGO_KEY"}, {"needs": "MINER_CONTACT"}
PROBES: tuple[SourceProbe, ...] = (
    SourceProbe("yahoo", "equity prices, splits", _prices(_yahoo), _PRICES_LATE),
    SourceProbe(
        "tiingo", "equity prices (second choice)", _prices(_tiingo), _PRICES_LATE, **_TIINGO
    ),
    _daily("coinbase", "bitcoin prices", "btc_prices", CoinbaseExchange),
    _daily("kraken", "bitcoin prices (second choice)", "btc_prices", Kraken),
    _daily("coinmetrics", "network figures", "network_metrics", CoinMetrics),
    _daily("mempool", "hashrate (independent)", _HASHRATES, MempoolSpace),
    _daily("blockchain_com", "hashrate (not independent)", _HASHRATES, BlockchainCom),
    # A listed company files something in every month.
    SourceProbe(DATA, "filings and reported figures", _filings, 45, **_SEC),
    SourceProbe(SEARCH, "full-text search of filings", _searched, 100, **_SEC),
    SourceProbe(WWW, "documents of filings, list of companies", _listed, None, **_SEC),
)


def examine(
    settings: Settings,
    *,
    probes: Sequence[SourceProbe] = PROBES,
    clock: Clock | None = None,
    timeout_s: float | None = None,
    deadline_s: float | None = None,
) -> list[Finding]:
    """Ask every source, several at a time; findings in the order of ``probes``.

    Nothing is recorded. ``timeout_s`` and ``deadline_s`` are those of HostPolicy.
    """
    time = clock or SystemClock()
    panel = Asked(open_folder(settings))
    hosts: dict[str, HostPolicy] = {
        name: replace(
            policy,
            attempts=ATTEMPTS,
            timeout_s=timeout_s or TIMEOUT_S,
            deadline_s=deadline_s or DEADLINE_S,
        )
        for name, policy in policies(dict(settings.source_urls)).items()
    }
    missing = {
        name
        for name, is_set in (
            ("MINER_CONTACT", bool(settings.contact)),
            ("MINER_TIINGO_KEY", bool(settings.tiingo_key)),
        )
        if not is_set
    }

    def look(probe: SourceProbe) -> Finding:
        if probe.needs in missing:
            mend = f"set {probe.needs}"
            if probe.needs == "MINER_CONTACT":
                mend += " to an e-mail address of yours, which the SEC asks of every program"
            return Finding(probe, "not set up", mend=mend)
        began = time.monotonic()
        try:
            seen = probe.ask(Room(client, settings, _today(time.now()), panel))
        except HttpUnavailable as error:
            # What to do is the same for all of them and stands at the end.
            return Finding(probe, "failed", problem=error.what)
        except SourceError as error:
            return Finding(probe, "failed", problem=error.what, mend=error.mend)
        took_s = time.monotonic() - began
        found = Finding(probe, "ok", took_s, seen.newest_date, remarks=seen.remarks)
        if probe.late_after_days is None:
            return found
        if seen.newest_date is None:
            return replace(
                found,
                state="late",
                problem="It answers, and its answer has no day that is over.",
                mend=LATE_MEND,
            )
        age_days = (_today(time.now()) - seen.newest_date).days
        if age_days > probe.late_after_days:
            return replace(
                found,
                state="late",
                problem=f"Its figures end {age_days} days ago; {probe.late_after_days} are usual "
                "at the most.",
                mend=LATE_MEND,
            )
        return found

    with (
        HttpClient(
            hosts,
            contact=settings.contact,
            proxy=settings.proxy or None,
            secrets=settings.secrets,
            clock=time,
        ) as client,
        ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
    ):
        return list(pool.map(look, probes))


def _today(now: datetime) -> date:
    return now.astimezone(NEW_YORK).date()


def diagnosis(settings: Settings, findings: Sequence[Finding]) -> list[str]:
    """Lines for a person."""
    wide = max((len(each.probe.host) for each in findings), default=0)
    gives = max((len(each.probe.gives) for each in findings), default=0)
    lines = [f"Live sources, asked for their last {DRILL_DAYS} days:", ""]
    for each in findings:
        line = f"  {each.probe.host:<{wide}}  {each.probe.gives:<{gives}}  {each.state:<10}"
        if each.latency_s is not None:
            line += f"  {each.latency_s:6.2f} s"
        if each.newest_date is not None:
            line += f"  newest {each.newest_date}"
        lines.append(line.rstrip())
        if each.problem:
            lines.append(f"      {each.problem}")
        if each.mend:
            lines.append(f"      mend:  {each.mend}")
        for remark in each.remarks:
            lines.append(f"      {remark}")
            lines += [f"      mend:  {do}" for words, do in REMEDIES if words in remark][:1]
    lines += ["", "Configured:"]
    urls = dict(settings.source_urls)
    records = list(Archive(settings.archive_dir).records())
    held = f"{len(records)} answers"
    if records:
        held += f", {records[0].retrieved_at:%Y-%m-%d} to {records[-1].retrieved_at:%Y-%m-%d}"
    configured = {
        "MINER_SOURCE": settings.source_mode,
        "MINER_CONTACT": settings.contact or "not set",
        "MINER_TIINGO_KEY": "set" if settings.tiingo_key else "not set",
        "MINER_LIVE_SINCE": str(settings.live_since),
        "MINER_SCHEDULE": "on" if settings.schedule_on else "off",
        "MINER_ALERT_WEBHOOK": "set" if settings.alert_webhook else "not set: nobody is told",
        "MINER_ARCHIVE_DIR": f"{settings.archive_dir} ({held})",
        "HTTPS_PROXY": "set" if settings.proxy else "not set",
        **{f"MINER_URL_{name.upper()}": urls[name] for name in HOSTS if name in urls},
    }
    longest = max(map(len, configured))
    lines += [f"  {name:<{longest}}  {value}" for name, value in configured.items()]
    if findings:
        lines += ["", "A live run now:", *outlook(settings, findings)]
    lines += ["", _summary(findings)]
    return lines


def outlook(settings: Settings, findings: Sequence[Finding]) -> list[str]:
    """A line per table and chain of data/study/vendors.csv: who would answer, or what happens."""
    states = {each.probe.host: each.state for each in findings}
    try:
        chains = Asked(open_folder(settings)).chains
    except SourceError as error:
        return [f"  cannot be told: {error.what}"]
    wide = max(len(chain.table) for chain in chains)
    lines = []
    for chain in chains:
        passed = []
        use = ""
        for vendor in chain.vendors:
            state = _worst(states, HOSTS_OF.get((vendor, chain.table), (vendor,)))
            if state in ANSWERING:
                use = vendor
                break
            passed.append((vendor, state))
        if use:
            words = f"from {use}"
        elif all(state == "not set up" for _, state in passed):
            words = "from the data folder"
        else:
            words = "nobody answers; what is stored stays"
        why = ", ".join(f"{vendor}: {state}" for vendor, state in passed)
        said = f" ({why})" if why else ""
        lines.append(f"  {chain.table:<{wide}}  {words}{said}")
    return lines


def _worst(states: Mapping[str, str], hosts: Sequence[str]) -> str:
    """The state of a vendor that needs all of several hosts."""
    found = [states.get(host, "not asked") for host in hosts]
    return next((state for state in found if state not in ANSWERING), found[0])


def _summary(findings: Sequence[Finding]) -> str:
    default = [each for each in findings if not each.probe.needs]
    well = [each for each in default if each.state in ANSWERING]
    words = f"{len(well)} of {len(default)} sources of the default set answer"
    if not well:
        return (
            f"{words}: check this machine's connection and proxy. The bundled "
            "figures (make run) and replay (MINER_SOURCE=replay) need no "
            "connection."
        )
    return f"{words}."


def is_well(findings: Sequence[Finding]) -> bool:
    """Does anything of the default set answer? Only without that is nothing to be had live."""
    return any(each.state in ANSWERING for each in findings if not each.probe.needs)


def consult(settings: Settings) -> int:
    """Examine, print, and return the status for the shell: 1 when nothing answers."""
    findings = examine(settings)
    print("\n".join(diagnosis(settings, findings)))
    return 0 if is_well(findings) else 1

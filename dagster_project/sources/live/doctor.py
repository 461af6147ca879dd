"""Which live sources answer here and now, how fast, how fresh, and what to set."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from dagster_project.contracts import LATE_AFTER_DAYS
from dagster_project.errors import SourceError
from dagster_project.settings import Settings
from dagster_project.sources.exchange_calendar import NEW_YORK
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.clock import Clock, SystemClock
from dagster_project.sources.live.coinbase import CoinbaseExchange
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.edgar import DATA, SEARCH, WWW, Edgar, EdgarStudy
from dagster_project.sources.live.edgar_answers import parse_company_tickers, parse_search
from dagster_project.sources.live.hosts import HOSTS, HostPolicy, policies
from dagster_project.sources.live.http_client import HttpClient, HttpUnavailable
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.sources.live.opening import read_chains
from dagster_project.sources.live.strict_json import parse_json
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.vendor import KnowsItsNewest
from dagster_project.sources.live.yahoo import YahooVendor
from dagster_project.sources.registry import open_folder

# One question each, and nobody waits long for a diagnosis.
ATTEMPTS = 1
TIMEOUT_S = 10.0
DEADLINE_S = 20.0
AT_ONCE = 6
LATE_MEND = (
    "nothing here: a run takes what there is, goes on tomorrow from where it ended, and the next "
    "source of data/study/vendors.csv stands in when this one refuses"
)

ANSWERING = frozenset({"ok", "late"})
# Hosts of the vendors of data/study/vendors.csv that are not one host of the same name.
HOSTS_OF = {
    ("sec_edgar", "filing_candidates"): (DATA, SEARCH, WWW),
    ("sec_edgar", "xbrl_facts"): (DATA, WWW),
}
# A company that files with the SEC since 2003 and reports every month.
_FILER, _FILER_CIK = "RIOT", "0001167419"


@dataclass(frozen=True)
class Room:
    """Where a patient is examined: the HTTP layer, the settings, and the day in New York."""

    client: HttpClient
    settings: Settings
    today: date


Ask = Callable[[Room], date | None]


@dataclass(frozen=True)
class Patient:
    """One source to examine.

    ``ask`` puts one cheap question and returns the newest date it offers (None: the answer has
    none); it raises SourceError. ``late_after_days`` is how old that date may be before something
    is wrong there, a weekend and a holiday for prices; None where its answer has no day.
    ``needs`` names the setting without which it is not asked. ``in_default_set``: `make live`
    asks it without anything being set.
    """

    host: str
    gives: str
    ask: Ask
    late_after_days: int | None
    in_default_set: bool = True
    needs: str = ""


@dataclass(frozen=True)
class Finding:
    """What came of it. ``state`` is ``ok``, ``late`` (it answers, but its figures end too early),
    ``failed`` or ``not set up``."""

    patient: Patient
    state: str
    latency_s: float | None = None
    newest_date: date | None = None
    problem: str = ""
    mend: str = ""


def _newest(make: Callable[[Room], KnowsItsNewest]) -> Ask:
    """The vendor's own reading of its own answer: what the doctor finds, a run would find."""
    return lambda room: make(room).newest_date()


def _filings(room: Room) -> KnowsItsNewest:
    return Edgar(
        room.client, EdgarStudy({_FILER: _FILER_CIK}, {}, (), ()), today=lambda: room.today
    )


def _searched(room: Room) -> date | None:
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
    return max((hit.filed_date for hit in hits), default=None)


def _listed(room: Room) -> date | None:
    """When the list of companies was last written, as the host says."""
    reply = room.client.get(WWW, "/files/company_tickers.json")
    parse_company_tickers(parse_json(reply))
    try:
        written = email.utils.parsedate_to_datetime(reply.headers.get("last-modified", ""))
    except (ValueError, TypeError, IndexError):
        return None
    return written.astimezone(NEW_YORK).date() if written.tzinfo else written.date()


PATIENTS: tuple[Patient, ...] = (
    Patient(
        "yahoo",
        "equity prices, splits",
        _newest(lambda room: YahooVendor(room.client, asked_on=room.today)),
        late_after_days=LATE_AFTER_DAYS["equity_prices"],
    ),
    Patient(
        "tiingo",
        "equity prices (second choice)",
        _newest(
            lambda room: TiingoVendor(room.client, room.settings.tiingo_key, asked_on=room.today)
        ),
        late_after_days=LATE_AFTER_DAYS["equity_prices"],
        in_default_set=False,
        needs="MINER_TIINGO_KEY",
    ),
    Patient(
        "coinbase",
        "bitcoin prices",
        _newest(lambda room: CoinbaseExchange(room.client)),
        late_after_days=LATE_AFTER_DAYS["btc_prices"],
    ),
    Patient(
        "kraken",
        "bitcoin prices (second choice)",
        _newest(lambda room: Kraken(room.client)),
        late_after_days=LATE_AFTER_DAYS["btc_prices"],
    ),
    Patient(
        "coinmetrics",
        "network figures",
        _newest(lambda room: CoinMetrics(room.client)),
        late_after_days=LATE_AFTER_DAYS["network_metrics"],
    ),
    Patient(
        "mempool",
        "hashrate (independent)",
        _newest(lambda room: MempoolSpace(room.client)),
        late_after_days=LATE_AFTER_DAYS["network_metrics_second_source"],
    ),
    Patient(
        "blockchain_com",
        "hashrate (not independent)",
        _newest(lambda room: BlockchainCom(room.client)),
        late_after_days=LATE_AFTER_DAYS["network_metrics_second_source"],
    ),
    Patient(
        DATA,
        "filings and reported figures",
        _newest(_filings),
        # A listed company files something in every month.
        late_after_days=45,
        in_default_set=False,
        needs="MINER_CONTACT",
    ),
    Patient(
        SEARCH,
        "full-text search of filings",
        _searched,
        late_after_days=100,
        in_default_set=False,
        needs="MINER_CONTACT",
    ),
    Patient(
        WWW,
        "documents of filings, list of companies",
        _listed,
        late_after_days=None,
        in_default_set=False,
        needs="MINER_CONTACT",
    ),
)


def examine(
    settings: Settings,
    *,
    patients: Sequence[Patient] = PATIENTS,
    clock: Clock | None = None,
    timeout_s: float | None = None,
    deadline_s: float | None = None,
) -> list[Finding]:
    """Ask every patient once, several at a time; findings in the order of ``patients``.

    Nothing is recorded. ``timeout_s`` and ``deadline_s`` are those of HostPolicy.
    """
    time = clock or SystemClock()
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

    def look(patient: Patient) -> Finding:
        if patient.needs in missing:
            mend = f"set {patient.needs}"
            if patient.needs == "MINER_CONTACT":
                mend += " to an e-mail address of yours, which the SEC asks of every program"
            return Finding(patient, "not set up", mend=mend)
        began = time.monotonic()
        try:
            newest = patient.ask(Room(client, settings, _today(time.now())))
        except HttpUnavailable as error:
            # What to do is the same for all of them and stands at the end.
            return Finding(patient, "failed", problem=error.what)
        except SourceError as error:
            return Finding(patient, "failed", problem=error.what, mend=error.mend)
        took_s = time.monotonic() - began
        today = _today(time.now())
        if patient.late_after_days is None:
            return Finding(patient, "ok", took_s, newest)
        if newest is None:
            return Finding(
                patient,
                "late",
                took_s,
                problem="It answers, and its answer has no day that is over.",
                mend=LATE_MEND,
            )
        if (today - newest).days > patient.late_after_days:
            return Finding(
                patient,
                "late",
                took_s,
                newest,
                problem=f"Its figures end {(today - newest).days} days ago; "
                f"{patient.late_after_days} are usual at the most.",
                mend=LATE_MEND,
            )
        return Finding(patient, "ok", took_s, newest)

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
        return list(pool.map(look, patients))


def _today(now: datetime) -> date:
    return now.astimezone(NEW_YORK).date()


def diagnosis(settings: Settings, findings: Sequence[Finding]) -> list[str]:
    """Lines for a person."""
    wide = max((len(each.patient.host) for each in findings), default=0)
    gives = max((len(each.patient.gives) for each in findings), default=0)
    lines = ["Live sources, asked one question each:", ""]
    for each in findings:
        line = f"  {each.patient.host:<{wide}}  {each.patient.gives:<{gives}}  {each.state:<10}"
        if each.latency_s is not None:
            line += f"  {each.latency_s:6.2f} s"
        if each.newest_date is not None:
            line += f"  newest {each.newest_date}"
        lines.append(line.rstrip())
        if each.problem:
            lines.append(f"      {each.problem}")
        if each.mend:
            lines.append(f"      mend:  {each.mend}")
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
    states = {each.patient.host: each.state for each in findings}
    try:
        chains = read_chains(open_folder(settings))
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
    default = [each for each in findings if each.patient.in_default_set]
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
    return any(each.state in ANSWERING for each in findings if each.patient.in_default_set)


def consult(settings: Settings) -> int:
    """Examine, print, and return the status for the shell: 1 when nothing answers."""
    findings = examine(settings)
    print("\n".join(diagnosis(settings, findings)))
    return 0 if is_well(findings) else 1

"""Which live sources answer here and now, how fast, how fresh, and what to set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date

from dagster_project.errors import SourceError
from dagster_project.settings import Settings
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.clock import Clock, SystemClock
from dagster_project.sources.live.hosts import HOSTS, HostPolicy, policies
from dagster_project.sources.live.http_client import HttpClient, HttpUnavailable, parse_json

# One question each, and nobody waits long for a diagnosis.
ATTEMPTS = 1
TIMEOUT_S = 10.0
DEADLINE_S = 20.0
AT_ONCE = 6

Ask = Callable[[HttpClient, Settings], date | None]


@dataclass(frozen=True)
class Patient:
    """One source to examine.

    ``ask`` puts one cheap question and returns the newest date it offers (None: the answer has
    none); it raises SourceError. ``needs`` names the setting without which it is not asked.
    ``in_default_set``: `make live` asks it without anything being set.
    """

    host: str
    gives: str
    ask: Ask
    in_default_set: bool = True
    needs: str = ""


@dataclass(frozen=True)
class Finding:
    """What came of it. ``state`` is ``ok``, ``failed`` or ``not set up``."""

    patient: Patient
    state: str
    latency_s: float | None = None
    newest_date: date | None = None
    problem: str = ""
    mend: str = ""


def answers(
    host: str,
    path: str,
    params: Mapping[str, str] | None = None,
    accept: tuple[str, ...] = ("application/json",),
) -> Ask:
    """A question that only asks whether a usable answer comes."""

    def ask(client: HttpClient, _settings: Settings) -> None:
        client.get(host, path, params, accept=accept)

    return ask


def _tiingo(client: HttpClient, settings: Settings) -> date | None:
    """Its description of a fund ends with the day of the newest price."""
    key = {"Authorization": f"Token {settings.tiingo_key.reveal()}"}
    described = parse_json(client.get("tiingo", "/tiingo/daily/SPY", secret_headers=key))
    try:
        return date.fromisoformat(described["endDate"])
    except (KeyError, TypeError, ValueError):
        return None


# The smallest question each interface knows.
PATIENTS: tuple[Patient, ...] = (
    Patient(
        "yahoo",
        "equity prices, splits",
        answers("yahoo", "/v8/finance/chart/SPY", {"range": "5d", "interval": "1d"}),
    ),
    Patient(
        "tiingo",
        "equity prices (second choice)",
        _tiingo,
        in_default_set=False,
        needs="MINER_TIINGO_KEY",
    ),
    Patient("coinbase", "bitcoin prices", answers("coinbase", "/products/BTC-USD/stats")),
    Patient("kraken", "bitcoin prices (second choice)", answers("kraken", "/0/public/Time")),
    Patient(
        "coinmetrics",
        "network figures",
        answers(
            "coinmetrics",
            "/v4/timeseries/asset-metrics",
            {"assets": "btc", "metrics": "HashRate", "page_size": "1"},
        ),
    ),
    Patient(
        "mempool",
        "hashrate (independent)",
        answers("mempool", "/api/v1/mining/hashrate/3m"),
    ),
    Patient(
        "blockchain_com",
        "hashrate (not independent)",
        answers("blockchain_com", "/charts/hash-rate", {"timespan": "7days", "format": "json"}),
    ),
    Patient(
        "sec",
        "filings and reported figures",
        answers("sec", "/submissions/CIK0001167419.json"),
        in_default_set=False,
        needs="MINER_CONTACT",
    ),
    Patient(
        "sec_search",
        "full-text search of filings",
        answers("sec_search", "/LATEST/search-index", {"q": '"bitcoin"', "forms": "8-K"}),
        in_default_set=False,
        needs="MINER_CONTACT",
    ),
    Patient(
        "sec_www",
        "documents of filings",
        answers("sec_www", "/files/company_tickers.json"),
        in_default_set=False,
        needs="MINER_CONTACT",
    ),
)


def examine(
    settings: Settings,
    *,
    patients: Sequence[Patient] = PATIENTS,
    clock: Clock | None = None,
    changes: Mapping[str, float] | None = None,
) -> list[Finding]:
    """Ask every patient once, several at a time; findings in the order of ``patients``.

    Nothing is recorded. ``changes`` are fields of HostPolicy.
    """
    time = clock or SystemClock()
    short = {"attempts": ATTEMPTS, "timeout_s": TIMEOUT_S, "deadline_s": DEADLINE_S}
    hosts: dict[str, HostPolicy] = {
        name: replace(policy, **{**short, **(changes or {})})  # type: ignore[arg-type]
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
            newest = patient.ask(client, settings)
        except HttpUnavailable as error:
            # What to do is the same for all of them and stands at the end.
            return Finding(patient, "failed", problem=error.what)
        except SourceError as error:
            return Finding(patient, "failed", problem=error.what, mend=error.mend)
        return Finding(patient, "ok", time.monotonic() - began, newest)

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
    lines += [
        f"  MINER_SOURCE       {settings.source_mode}",
        f"  MINER_CONTACT      {settings.contact or 'not set'}",
        f"  MINER_TIINGO_KEY   {'set' if settings.tiingo_key else 'not set'}",
        f"  MINER_ARCHIVE_DIR  {settings.archive_dir} ({held})",
        f"  HTTPS_PROXY        {'set' if settings.proxy else 'not set'}",
        *(f"  MINER_URL_{name.upper()}  {urls[name]}" for name in HOSTS if name in urls),
    ]
    lines += ["", _summary(findings)]
    return lines


def _summary(findings: Sequence[Finding]) -> str:
    default = [each for each in findings if each.patient.in_default_set]
    well = [each for each in default if each.state == "ok"]
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
    return any(each.state == "ok" for each in findings if each.patient.in_default_set)


def consult(settings: Settings) -> int:
    """Examine, print, and return the status for the shell: 1 when nothing answers."""
    findings = examine(settings)
    print("\n".join(diagnosis(settings, findings)))
    return 0 if is_well(findings) else 1

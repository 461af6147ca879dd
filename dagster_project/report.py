"""The one screen `make run` prints, read from the published marts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster_project.settings import PROJECT_DIR, Settings
from dagster_project.warehouse.reader import published

# Tests that stay honest when all firms share one event date, in the order they are printed.
HONEST_TESTS = {
    "portfolio_t": "portfolio t",
    "sample_quantile": "sample quantile",
    "kolari_pynnonen": "Kolari-Pynnönen",
}
NAIVE_TEST = "cross_sectional_t"
# Of a study that has them; another one shows what it has.
GROUP = "focal"
WINDOW = "[0,0]"
_MOST_FIRMS = 20

_FIRMS = """
    select
        s.ticker, c.name, s.close_before_usd, s.close_usd, s.raw_return, s.intraday_low_return,
        s.abnormal_return, s.p_two_sided, s.hpc_contracted_mw, s.hpc_contracted_basis,
        s.hpc_status, s.status
    from marts.selloff_summary as s
    inner join marts.dim_company as c on s.ticker = c.ticker
    where
        s.event_id = ?
        and (c.is_focal or not exists (select 1 from marts.dim_company where is_focal))
    order by s.raw_return asc nulls last, s.ticker
"""
_DAY = """
    select any_value(btc_return), any_value(btc_factor_source), any_value(market_return)
    from marts.selloff_summary where event_id = ?
"""
_EVENT = """
    select e.event_id, e.title, e.t0, s.previous_session
    from marts.dim_event as e
    inner join marts.dim_session as s on e.t0 = s.session_date
    where exists (
        select 1 from marts.selloff_summary as f
        where f.event_id = e.event_id and f.raw_return is not null
    )
    order by e.is_headline desc nulls last, e.t0 desc, e.event_id
    limit 1
"""
_TESTS = """
    select test_id, statistic, p_two_sided, mde_80pct, n_firms, caar
    from marts.fct_selloff_tests
    where study_id = ? and group_id = ? and window_id = ? and model_id = ?
"""
# The group and window that are shown: those of this project where they were tested, otherwise the
# group with most firms.
_SHOWN_GROUP = f"""
    with tested as (
        select
            group_id, window_id, max(n_firms) as most_firms,
            count(p_two_sided) filter (where test_id in {tuple(HONEST_TESTS)}) > 0 as is_tested
        from marts.fct_selloff_tests
        where study_id = ? and model_id = ?
        group by group_id, window_id
    )

    select group_id, window_id from tested
    order by
        is_tested desc, group_id = ? desc, window_id = ? desc, most_firms desc nulls last,
        group_id asc, window_id asc
    limit 1
"""
_FACTORS = """
    select f.model_id, f.market_ticker, c.name
    from (select any_value(model_id) as model_id, any_value(market_ticker) as market_ticker
          from marts.selloff_summary where event_id = ?) as f
    left join marts.dim_company as c on f.market_ticker = c.ticker
"""
_LEVEL = "select any_value(significance_level) from marts.selloff_verdicts"
_NETWORK = "select network_eh_s from marts.fct_mining_economics where date_utc = ?"
_WIDTH = 100


@dataclass
class CheckCounts:
    """Outcome of the checks of one run."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    # Name of each check that did not pass, and what it found.
    remarks: list[tuple[str, str]] = field(default_factory=list)


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{100 * value:+.{digits}f}%"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _megawatts(mw: float | None, basis: str | None, status: str | None) -> str:
    """Contracted AI megawatts with what kind they are; unknown is not zero."""
    if mw is None:
        return "not known"
    words = {"none_found": "none found", "contracts_summed": "sum of contracts"}.get(
        status or "", (basis or "").replace("_it", " IT").replace("_", " ")
    )
    return f"{mw:,.0f} ({words})" if words else f"{mw:,.0f}"


def _firm_lines(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    header = (
        f"  {'':5} {'':17} {'close':>7} {'':>7} {'':>8} {'intraday':>9} {'abnormal':>9} "
        f"{'':>6}  AI megawatts"
    )
    second = (
        f"  {'':5} {'':17} {'before':>7} {'close':>7} {'return':>8} {'low':>9} {'return':>9} "
        f"{'p':>6}  contracted"
    )
    lines = [header, second]
    for row in rows:
        (ticker, name, before, close, raw, low, abnormal, p, mw, basis, hpc, status) = row
        if raw is None:
            lines.append(f"  {ticker:5} {name[:17]:17} {status}")
            continue
        lines.append(
            f"  {ticker:5} {name[:17]:17} {_number(before):>7} {_number(close):>7} "
            f"{_percent(raw):>8} {_percent(low):>9} {_percent(abnormal):>9} "
            f"{_number(p):>6}  {_megawatts(mw, basis, hpc)}"
        )
    return lines


def _verdict(tests: Mapping[str, tuple[Any, ...]], level: float, group: str) -> list[str]:
    """What the tests that allow for the shared date say, in a sentence with its figures.

    ``group`` is the group of firms that was tested, named where it is not this project's own.
    """
    honest = {t: tests[t] for t in HONEST_TESTS if t in tests and tests[t][1] is not None}
    if not honest:
        return ["  Too few prices around this event to test the group."]
    significant = [t for t in honest if honest[t][1] <= level]
    caar, firms = next(iter(honest.values()))[4], next(iter(honest.values()))[3]
    words = {
        0: "do not tell it from an ordinary day",
        len(honest): "call it more than an ordinary day's move",
    }.get(len(significant), "disagree")
    figures = []
    for test, (statistic, p, *_) in honest.items():
        shown = f" {statistic:.2f}" if test != "sample_quantile" and statistic is not None else ""
        figures.append(f"{HONEST_TESTS[test]}{shown} (p {p:.2f})")
    named = "" if group == GROUP else f" of group {group}"
    lines = [
        f"  Together the {firms} firms{named} moved {_percent(caar)} beyond the market."
        if firms != 1
        else f"  The one firm{named} moved {_percent(caar)} beyond the market.",
        f"  Tests that allow for the shared date {words}:",
        f"    {', '.join(figures)}.",
    ]
    naive = tests.get(NAIVE_TEST)
    detectable = tests.get("portfolio_t", (None,) * 5)[2]
    if detectable is not None:
        lines.append(
            f"  They see a move of {100 * detectable:.1f}% or more in 4 cases of 5; a smaller one "
            "may well go unseen."
        )
    if naive and naive[1] is not None:
        lines.append(
            f"  A t-test that wrongly takes the firms for independent says {naive[0]:.2f} "
            f"(p {naive[1]:.2f})."
        )
    return lines


def answer_lines(published_path: Path) -> list[str]:
    """The printed answer about the headline event, from the published file."""
    with published(published_path) as connection:

        def ask(query: str, *values: Any) -> list[tuple[Any, ...]]:
            return connection.execute(query, list(values)).fetchall()

        events = ask(_EVENT)
        if not events:
            return ["No event of this panel falls on a session with prices: nothing to print."]
        event_id, title, t0, previous = events[0]
        btc, btc_source, market = ask(_DAY, event_id)[0]
        model, market_ticker, market_name = ask(_FACTORS, event_id)[0]
        network = ask(_NETWORK, t0)
        ((level,),) = ask(_LEVEL)
        shown = ask(_SHOWN_GROUP, event_id, model, GROUP, WINDOW)
        group, window = shown[0][:2] if shown else (GROUP, WINDOW)
        tests = {
            test: (statistic, p, mde, firms, caar)
            for test, statistic, p, mde, firms, caar in ask(_TESTS, event_id, group, window, model)
        }
        firms = ask(_FIRMS, event_id)
    day = []
    if market is not None:
        day.append(f"{market_name or market_ticker or 'market'} {_percent(market)}")
    if btc is not None:
        how = {
            "spot_etf": "spot ETF at the New York close",
            "new_york_close": "traded price at the New York close",
        }.get(btc_source, "UTC close, asynchronous")
        day.insert(0, f"bitcoin {_percent(btc)} ({how})")
    if network:
        day.append(f"network {network[0][0]:,.1f} EH/s")
    return [
        f"{title} ({event_id})",
        f"From the close of {previous} to the close of {t0}:",
        *(f"  {text}" for text in day),
        "",
        *_firm_lines(firms[:_MOST_FIRMS]),
        *([f"  and {len(firms) - _MOST_FIRMS} more"] if len(firms) > _MOST_FIRMS else []),
        "",
        *_verdict(tests, level, group),
    ]


def change_lines(materializations: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a run changed, from the metadata of its raw tables and its publication."""
    raw = {k.removeprefix("raw/"): m for k, m in materializations.items() if k.startswith("raw/")}
    first_loads = {k: m for k, m in raw.items() if m["rows_new"] == m["dagster/row_count"] > 0}
    changed = {
        k: m
        for k, m in raw.items()
        if k not in first_loads and (m["rows_new"] or m["rows_revised"] or m["rows_removed"])
    }
    lines = [f"  {key}: {metadata['summary']}" for key, metadata in changed.items()]
    if first_loads:
        rows = sum(metadata["rows_new"] for metadata in first_loads.values())
        lines.append(f"  {len(first_loads)} raw tables loaded for the first time, {rows:,} rows")
    same = len(raw) - len(first_loads) - len(changed)
    if same:
        others = "all" if same == len(raw) else "the other"
        lines.append(f"  {others} {same} raw tables are as they were")
    for key in ("publication/miner_marts", "publication/postgres"):
        if key in materializations:
            lines.append(f"  {materializations[key]['summary']}")
    return lines


def check_lines(checks: CheckCounts) -> list[str]:
    """Outcome of the checks, with the name of each that did not pass."""
    lines = [f"Checked: {checks.passed} passed, {checks.warned} warned, {checks.failed} failed"]
    for name, found in checks.remarks:
        lines.append(f"  {name}")
        lines += textwrap.wrap(
            found,
            _WIDTH,
            max_lines=2,
            placeholder=" …",
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
        )
    return lines


def next_lines(settings: Settings) -> list[str]:
    """Where to go from here."""
    shown = settings.published_path
    if shown.is_relative_to(PROJECT_DIR):
        shown = shown.relative_to(PROJECT_DIR)
    places = {
        "make ui": "the asset graph, the checks and the runs in a browser",
        str(shown): "the marts for any DuckDB client (schema marts)",
        "README.md, data/README.md": "how to read the tables; where the figures are from",
    }
    width = max(map(len, places))
    return ["Next:", *(f"  {place:{width}}  {words}" for place, words in places.items())]

"""Each data test finds the one thing that is broken for it, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.settings import PROJECT_DIR
from tests.dbt_quality.conftest import CompiledTest

Findings = Callable[[str], list[dict]]

# What the tests report on the bundled figures as they are.
KNOWN_WARNINGS = {
    "bars_show_trading",
    "ledger_t0_follows_the_rule",
    "price_sources_agree",
    "series_reach_newest_session",
}

# Name of the test, SQL that breaks one thing, and a part of the row that must then appear.
MUTATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "ohlc_is_consistent",
        "update raw.equity_prices set low = high * 1.01 "
        "where ticker = 'MARA' and session_date = '2025-03-26'",
        {"ticker": "MARA", "session_date": date(2025, 3, 26)},
    ),
    (
        "ohlc_is_consistent",
        "update raw.equity_prices set close = high * 1.002 "
        "where ticker = 'RIOT' and session_date = '2025-03-26'",
        {"ticker": "RIOT"},
    ),
    (
        "prices_on_every_session",
        "delete from raw.equity_prices where ticker = 'HUT' and session_date = '2025-03-25'",
        {"ticker": "HUT", "n_missing": 1, "first_missing_date": date(2025, 3, 25)},
    ),
    (
        "prices_only_while_listed",
        "update raw.equity_prices set session_date = '2025-03-23' "
        "where ticker = 'HUT' and session_date = '2025-03-25'",
        {"ticker": "HUT", "reason": "no session that day"},
    ),
    (
        "prices_only_while_listed",
        "update raw.companies set first_session = '2024-02-01' where ticker = 'CORZ'",
        {"ticker": "CORZ", "session_date": date(2024, 1, 24)},
    ),
    (
        "bars_show_trading",
        "update raw.equity_prices set volume = 0 "
        "where ticker = 'WULF' and session_date = '2025-03-26'",
        {"ticker": "WULF", "session_date": date(2025, 3, 26)},
    ),
    (
        "no_jump_like_a_split",
        "update raw.equity_prices set open = open / 10, high = high / 10, low = low / 10, "
        "close = close / 10 where ticker = 'BTBT' and session_date >= '2025-03-18'",
        {"ticker": "BTBT", "session_date": date(2025, 3, 18), "split_ratio": 0.1},
    ),
    (
        "returns_are_plausible",
        "insert into intermediate.int_implausible_returns select ticker, session_date, "
        "session_number, close_usd / 1000, close_usd, 999, 0.001 from "
        "intermediate.int_equity_returns where ticker = 'MARA' and session_date = '2024-11-20'",
        {"ticker": "MARA", "session_date": date(2024, 11, 20)},
    ),
    (
        # Closes ten times as large before some load, on every session up to a day.
        "revisions_by_a_factor_are_splits",
        "insert into ingest.revisions select 'equity_prices', json_object('ticker', ticker, "
        "'session_date', session_date), 'replaced', ['close'], json_object('ticker', ticker, "
        "'session_date', session_date, 'close', close * 10, 'source', source), 'old', 'new', "
        "timestamp '2025-09-01' from raw.equity_prices "
        "where ticker = 'MARA' and session_date < '2025-03-18'",
        {"ticker": "MARA", "last_session_date": date(2025, 3, 17), "n_sessions": 302},
    ),
    (
        # The overlap of an incremental load is rewritten for a split, what is older is not.
        "rewritten_histories_are_whole",
        "insert into ingest.revisions select 'equity_prices', json_object('ticker', ticker, "
        "'session_date', session_date), 'replaced', ['close'], json_object('ticker', ticker, "
        "'session_date', session_date, 'close', close * 10, 'source', source), 'old', 'new', "
        "now()::timestamp + interval 1 day from raw.equity_prices "
        "where ticker = 'NVDA' and session_date between '2024-05-01' and '2024-06-07'",
        {"ticker": "NVDA", "last_left_date": date(2024, 4, 30), "n_sessions_left": 83},
    ),
    (
        "price_sources_agree",
        "update marts.fct_source_reconciliation set within_tolerance = false "
        "where table_name = 'equity_prices' and ticker = 'MARA' and value_date = '2025-03-26'",
        {"session_date": date(2025, 3, 26), "n_tickers_outside": 1, "tickers": "MARA"},
    ),
    (
        "bitcoin_sources_agree",
        "update marts.fct_source_reconciliation set within_tolerance = false "
        "where table_name = 'btc_prices' and value_date = '2025-03-26'",
        {"value_date": date(2025, 3, 26)},
    ),
    (
        "hashrate_follows_from_difficulty",
        "update raw.network_metrics set hashrate_eh_s = hashrate_eh_s * 1.00001 "
        "where date_utc = '2025-03-26'",
        {"date_utc": date(2025, 3, 26)},
    ),
    (
        "bitcoin_sources_agree",
        "update marts.fct_source_reconciliation set within_tolerance = false, "
        "table_name = 'btc_prices_second_source' "
        "where table_name = 'btc_prices' and value_date = '2025-03-26'",
        {"value_date": date(2025, 3, 26)},
    ),
    (
        "hashrate_sources_agree",
        "insert into marts.fct_source_reconciliation by name "
        "select * replace ('network_metrics_second_source' as table_name, false as "
        "within_tolerance) from marts.fct_source_reconciliation "
        "where table_name = 'btc_prices' and value_date = '2025-03-26'",
        {"date_utc": date(2025, 3, 26)},
    ),
    (
        # An estimate stored under the day that the source stamps, a day after the one it is for.
        "hashrate_sources_are_aligned",
        "insert into raw.network_metrics_second_source by name select date_utc + 1 as date_utc, "
        "date_utc + 1 as stamped_date, 'late' as source, hashrate_eh_s, true as is_independent, "
        "retrieved_at, batch_id from raw.network_metrics",
        {"source": "late", "n_days": 607},
    ),
    (
        "subsidy_matches_issuance",
        "update marts.fct_mining_economics set subsidy_btc = 1.5625 where date_utc = '2025-03-26'",
        {"date_utc": date(2025, 3, 26), "subsidy_btc": 1.5625},
    ),
    (
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set known_date = as_of_date + 1 "
        "where ticker = 'CORZ' and as_of_date = '2025-03-25'",
        {"ticker": "CORZ", "as_of_date": date(2025, 3, 25)},
    ),
    (
        # The stated total a day early, with an innocent date beside it.
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set hpc_contracted_stated_mw = 590 "
        "where ticker = 'CORZ' and as_of_date = '2025-02-25'",
        {"ticker": "CORZ", "as_of_date": date(2025, 2, 25)},
    ),
    (
        # A contract counted a day before it was announced.
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set hpc_contracted_critical_it_mw = 200, n_contracts = 2 "
        "where ticker = 'CORZ' and as_of_date = '2024-06-02'",
        {"ticker": "CORZ", "as_of_date": date(2024, 6, 2), "n_contracts_known": 1},
    ),
    (
        "no_look_ahead_in_exposure",
        "update raw.company_facts set known_at = '2025-03-20' "
        "where ticker = 'IREN' and metric = 'total_power_capacity_mw' and value = 2750",
        {"ticker": "IREN", "as_of_date": date(2025, 3, 17)},
    ),
    (
        # Two kinds of megawatt exchanged.
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set hpc_contracted_critical_it_mw = "
        "hpc_contracted_unknown_basis_mw, hpc_contracted_unknown_basis_mw = "
        "hpc_contracted_critical_it_mw where ticker = 'CORZ' and as_of_date = '2025-03-25'",
        {"ticker": "CORZ", "as_of_date": date(2025, 3, 25)},
    ),
    (
        # A share count, and with it a market value, before it was published.
        "no_look_ahead_in_exposure",
        "update raw.company_facts set known_at = '2025-04-01' "
        "where ticker = 'BITF' and metric = 'shares_outstanding'",
        {
            "ticker": "BITF",
            "as_of_date": date(2025, 3, 25),
            "figures_not_yet_known": "shares_outstanding",
        },
    ),
    (
        # A share count said to be from a filing that nobody made.
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set shares_source = 'xbrl' "
        "where ticker = 'BITF' and as_of_date = '2025-03-25'",
        {"ticker": "BITF", "figures_not_yet_known": "shares_outstanding"},
    ),
    (
        # Twelve months of capital expenditure before the report that ends them was filed.
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set capex_source = 'xbrl', capex_ttm_usd = 1, "
        "capex_ttm_end_date = '2024-12-31' where ticker = 'HUT' and as_of_date = '2025-03-25'",
        {"ticker": "HUT", "figures_not_yet_known": "capex_usd"},
    ),
    (
        "no_look_ahead_in_exposure",
        "update marts.fct_ai_exposure set market_session_date = '2025-03-26' "
        "where ticker = 'HUT' and as_of_date = '2025-03-25'",
        {"ticker": "HUT", "market_session_date": date(2025, 3, 26)},
    ),
    (
        "exposure_figures_fit_together",
        "update marts.fct_ai_exposure set exposure_score = -exposure_score "
        "where ticker = 'CORZ' and as_of_date = '2025-03-25'",
        {"name": "CORZ", "detail": "2025-03-25"},
    ),
    (
        # Unknown ranked as if it were zero.
        "exposure_figures_fit_together",
        "update marts.fct_ai_exposure set exposure_rank = 7 "
        "where ticker = 'HUT' and as_of_date = '2025-03-25'",
        {"name": "HUT", "detail": "2025-03-25"},
    ),
    (
        "exposure_figures_fit_together",
        "update marts.fct_hyperscaler_capex set revision_usd = -revision_usd "
        "where ticker = 'META' and announced_on = '2025-04-30' and revision_usd is not null",
        {"table_name": "fct_hyperscaler_capex", "detail": "2"},
    ),
    (
        "exposure_figures_fit_together",
        "update marts.dim_hpc_contract set critical_it_mw = -critical_it_mw "
        "where contract_id = 'corz-coreweave-200mw' and version_number = 4",
        {"name": "corz-coreweave-200mw", "detail": "4"},
    ),
    (
        # The event row that takes the exposure of the event session itself.
        "no_look_ahead_in_selloff",
        "update marts.selloff_summary set hpc_contracted_mw = 200 "
        "where event_id = 'iren-msft' and ticker = 'IREN'",
        {"event_id": "iren-msft", "ticker": "IREN", "hpc_contracted_mw": 200.0},
    ),
    (
        "no_look_ahead_in_selloff",
        "update marts.fct_ai_exposure set known_at = timestamp '2025-03-26 20:00' "
        "where ticker = 'CORZ' and as_of_date = '2025-03-25'",
        {"event_id": "msft-2gw-mar", "ticker": "CORZ"},
    ),
    (
        "ledger_t0_follows_the_rule",
        "update marts.dim_event set t0 = '2025-03-27' where event_id = 'msft-2gw-mar'",
        {"event_id": "msft-2gw-mar", "stated_t0": date(2025, 3, 26)},
    ),
    (
        "facts_wait_for_their_period",
        "update raw.capex_announcements set known_at = '2024-03-30' "
        "where announcement_id = 'corz-coreweave-austin-16mw'",
        {"fact": "announcement", "name": "corz-coreweave-austin-16mw"},
    ),
    (
        "facts_wait_for_their_period",
        "update raw.company_facts set known_at = '2025-03-30' where ticker = 'HUT' "
        "and metric = 'btc_produced' and as_of_date = '2025-03-31'",
        {"fact": "company fact", "name": "btc_produced", "ticker": "HUT"},
    ),
    (
        "tickers_are_companies",
        "delete from raw.companies where ticker = 'NVDA'",
        {"table_name": "market_events", "ticker": "NVDA"},
    ),
    (
        "series_reach_newest_session",
        "delete from raw.network_metrics where date_utc >= '2025-08-28'",
        {"table_name": "network_metrics", "n_sessions_behind": 2},
    ),
    (
        "no_row_rejected",
        "insert into ingest.rejected_rows select batch_id, table_name, 'file, line 7', 'close', "
        "'value is missing', '{}', loaded_at from ingest.batches "
        "where table_name = 'equity_prices' order by loaded_at desc limit 1",
        {"table_name": "equity_prices", "source_ref": "file, line 7"},
    ),
    (
        "selloff_parts_sum_to_return",
        "update marts.selloff_summary set abnormal_return = abnormal_return + 1e-11 "
        "where event_id = 'msft-2gw-mar' and ticker = 'MARA'",
        {"event_id": "msft-2gw-mar", "ticker": "MARA"},
    ),
    (
        "halving_parts_sum_to_change",
        "update marts.fct_halving_effects set difficulty_part = -difficulty_part "
        "where window_days = 90",
        {"halving_number": 4, "window_days": 90},
    ),
    (
        # The bitcoin of a longer period beside the fleet of this one.
        "realisation_rate_is_plausible",
        "update marts.fct_miner_unit_economics set realisation_rate = 1.2 "
        "where ticker = 'MARA' and period = 'quarter' and period_end_date = '2025-03-31'",
        {"ticker": "MARA", "period_end_date": date(2025, 3, 31)},
    ),
    (
        "realisation_rate_is_plausible",
        "update marts.fct_miner_unit_economics set hpc_revenue_share = 1.01 "
        "where ticker = 'CORZ' and period_end_date = '2024-12-31'",
        {"ticker": "CORZ", "period_end_date": date(2024, 12, 31)},
    ),
    (
        "no_look_ahead_in_unit_economics",
        "update raw.company_facts set known_at = known_at + 30 where ticker = 'MARA' "
        "and metric = 'btc_produced' and as_of_date = '2025-03-31'",
        {"ticker": "MARA", "metric": "btc_produced", "value": 2286.0},
    ),
    (
        # The fleet's size is shown in the row of before it was known.
        "no_look_ahead_in_unit_economics",
        "update marts.fct_miner_unit_economics set energised_end_eh_s = 39.1 "
        "where ticker = 'CLSK' and known_date = '2025-01-10'",
        {"ticker": "CLSK", "metric": "energized_hashrate_eh_s", "value": 39.1},
    ),
    (
        # A sign flipped.
        "scenario_value_follows_from_assumptions",
        "update marts.fct_valuation_scenario set npv_usd = -npv_usd where ticker = 'CORZ'",
        {"ticker": "CORZ", "as_of_date": date(2025, 3, 25), "scenario_id": "vaneck_2024"},
    ),
    (
        # Capex counted as income.
        "scenario_value_follows_from_assumptions",
        "update marts.fct_scenario_cash_flows set capex_usd = -capex_usd "
        "where ticker = 'CORZ' and year_number = 1",
        {"ticker": "CORZ", "as_of_date": date(2025, 3, 25), "scenario_id": "hosting_contract"},
    ),
    (
        "scenario_value_follows_from_assumptions",
        "update marts.fct_valuation_scenario set multiple_uplift_usd = 1.01 * multiple_uplift_usd "
        "where ticker = 'MARA'",
        {"ticker": "MARA", "scenario_id": "vaneck_2024"},
    ),
    (
        # An assumption that is not the one computed with.
        "scenario_value_follows_from_assumptions",
        "update marts.dim_scenario_assumption set value = 13 "
        "where scenario_id = 'vaneck_2024' and assumption = 'discount_rate_pct'",
        {"ticker": "HUT", "scenario_id": "vaneck_2024"},
    ),
    (
        # Contracted critical IT megawatts in place of gross power.
        "scenario_uses_known_gross_power",
        "update marts.fct_valuation_scenario set gross_power_mw = 590, converted_gross_mw = 118 "
        "where ticker = 'CORZ'",
        {"ticker": "CORZ", "gross_power_mw": 590.0},
    ),
    (
        "scenario_uses_known_gross_power",
        "update raw.company_facts set known_at = '2025-03-26' where ticker = 'CORZ' "
        "and metric = 'total_power_capacity_mw' and value = 1300",
        {"ticker": "CORZ", "as_of_date": date(2025, 3, 25)},
    ),
    (
        "scenario_uses_known_gross_power",
        "update marts.fct_valuation_scenario set converted_gross_mw = gross_power_mw "
        "where ticker = 'IREN'",
        {"ticker": "IREN", "converted_gross_mw": 2750.0},
    ),
    (
        # A source dropped.
        "published_assumptions_match_claims",
        "update marts.dim_scenario_assumption set source_url = null "
        "where assumption = 'revenue_per_mw_year_usd'",
        {"scenario_id": "hosting_contract", "assumption": "revenue_per_mw_year_usd"},
    ),
    (
        "published_assumptions_match_claims",
        "update marts.dim_scenario_assumption set value = 37e9 where assumption = 'anchor_npv_usd'",
        {"scenario_id": "vaneck_2024", "assumption": "anchor_npv_usd", "value": 37e9},
    ),
    (
        "marts_are_finite",
        "update marts.fct_mining_economics set fees_btc = 'infinity'::double "
        "where date_utc = '2025-03-26'",
        {"table_name": "fct_mining_economics", "column_name": "fees_btc", "n_values": 1},
    ),
    (
        "marts_are_finite",
        "update marts.selloff_summary set p_two_sided = 'nan'::double "
        "where event_id = 'msft-2gw-mar' and ticker = 'MARA'",
        {"table_name": "selloff_summary", "column_name": "p_two_sided"},
    ),
    (
        "marts_are_documented",
        "alter table marts.fct_source_reconciliation add column surprise double",
        {"column_name": "surprise", "problem": "materialised but not documented"},
    ),
    (
        "marts_are_documented",
        "alter table marts.fct_source_reconciliation drop column tolerance",
        {"column_name": "tolerance", "problem": "documented but not materialised"},
    ),
    (
        "marts_are_documented",
        "comment on column marts.fct_source_reconciliation.tolerance is null",
        {"column_name": "tolerance", "problem": "without a comment in the file"},
    ),
    (
        "unique_key_selloff_summary_event_id__ticker",
        "create or replace table marts.selloff_summary as "
        "from marts.selloff_summary union all from marts.selloff_summary where ticker = 'MARA'",
        {"ticker": "MARA", "n_rows": 2},
    ),
]


def _has(rows: list[dict], part: dict[str, Any]) -> bool:
    return any(part.items() <= row.items() for row in rows)


def test_bundled_figures_raise_the_known_warnings_and_no_error(
    findings: Findings, compiled_tests: dict[str, CompiledTest]
) -> None:
    found = {name for name in compiled_tests if findings(name)}
    assert found == KNOWN_WARNINGS
    assert {compiled_tests[name].severity for name in found} == {"warn"}


@pytest.mark.parametrize(
    ("name", "mutation", "expected"),
    MUTATIONS,
    ids=[f"{i:02d}-{mutation[0]}" for i, mutation in enumerate(MUTATIONS)],
)
def test_a_broken_warehouse_is_found(
    name: str,
    mutation: str,
    expected: dict[str, Any],
    marts: duckdb.DuckDBPyConnection,
    findings: Findings,
) -> None:
    assert not _has(findings(name), expected)
    marts.execute(mutation)
    assert _has(findings(name), expected)


def test_sums_of_megawatts_may_differ_by_rounding(
    findings: Findings, marts: duckdb.DuckDBPyConnection
) -> None:
    marts.execute(
        "update marts.fct_ai_exposure set hpc_contracted_critical_it_mw = "
        "hpc_contracted_critical_it_mw + 1e-12 where hpc_contracted_critical_it_mw > 0"
    )
    assert findings("no_look_ahead_in_exposure") == []


def test_every_singular_test_has_a_mutation(compiled_tests: dict[str, CompiledTest]) -> None:
    singular = {test.name for test in compiled_tests.values() if test.is_singular}
    assert singular == {name for name, _, _ in MUTATIONS if name in singular}
    assert len(singular) >= 19


def test_second_source_error_of_december_2024_is_found(findings: Findings) -> None:
    worst = findings("price_sources_agree")[0]
    assert worst["session_date"] == date(2024, 12, 23)
    assert worst["n_tickers_outside"] == 11
    assert {"HUT", "CIFR", "CLSK", "CORZ"} <= set(worst["tickers"].split(", "))


def test_known_oddities_of_the_bundled_figures_are_named(findings: Findings) -> None:
    assert _has(findings("bars_show_trading"), {"ticker": "CLSK", "close_usd": 13.57})
    late = findings("series_reach_newest_session")
    assert _has(late, {"series_name": "IBIT", "last_date": date(2025, 4, 4)})
    assert _has(
        findings("ledger_t0_follows_the_rule"),
        {
            "event_id": "msft-ohio-pause",
            "stated_t0": date(2025, 4, 9),
            "t0": date(2025, 4, 7),
        },
    )


def test_real_jumps_are_no_splits(findings: Findings, marts: duckdb.DuckDBPyConnection) -> None:
    """WULF rose 59.5% and APLD 48.5% on news; a split while the market crashes is not judged."""
    assert findings("no_jump_like_a_split") == []
    marts.execute(
        "update raw.equity_prices set open = open / 2, high = high / 2, low = low / 2, "
        "close = close / 2 where ticker in ('SPY', 'QQQ', 'WGMI') "
        "and session_date >= '2025-03-18'"
    )
    assert findings("no_jump_like_a_split") == []


REWRITTEN = (
    "insert into ingest.revisions select 'equity_prices', json_object('ticker', ticker, "
    "'session_date', session_date), 'replaced', ['close'], json_object('ticker', ticker, "
    "'session_date', session_date, 'close', round(close * {factor}, 4), 'source', source), "
    "'old', '{batch}', timestamp '2025-09-01' + interval {hour} hour from raw.equity_prices "
    "where ticker = '{ticker}' and session_date < '{before}'"
)


def _explained(marts: duckdb.DuckDBPyConnection, findings: Findings) -> bool:
    return not findings("revisions_by_a_factor_are_splits")


def test_a_split_explains_a_rewritten_history(
    findings: Findings, marts: duckdb.DuckDBPyConnection
) -> None:
    """NVDA's 10:1 split of 10 June 2024 is in the bundled splits, one of MARA is not."""
    nvda = {"ticker": "NVDA", "factor": 10, "batch": "new", "hour": 1, "before": "2024-06-10"}
    marts.execute(REWRITTEN.format(**nvda))
    assert _explained(marts, findings)
    # The same factor over a later session too: the split does not reach there.
    marts.execute(REWRITTEN.format(**nvda | {"batch": "later", "hour": 2, "before": "2024-06-12"}))
    assert [row["new_batch_id"] for row in findings("revisions_by_a_factor_are_splits")] == [
        "later"
    ]


def test_several_splits_at_once_and_the_wrong_ratio(
    findings: Findings, marts: duckdb.DuckDBPyConnection
) -> None:
    marts.execute(
        "insert into raw.equity_splits select 'MARA', day, ratio, 'test', null, now()::timestamp, "
        "'test' from (values (date '2025-03-18', 2.0), (date '2025-06-02', 0.2), "
        "(date '2025-07-01', 3.0)) as splits (day, ratio)"
    )
    mara = {"ticker": "MARA", "batch": "new", "hour": 1, "before": "2025-03-18"}
    # The first two (2 x 1/5), then all three, each load on what the one before it left.
    for factor, is_explained in ((0.4, True), (1.2, True), (5, False), (1.01, True)):
        marts.execute("delete from ingest.revisions")
        marts.execute(REWRITTEN.format(**mara, factor=factor))
        assert _explained(marts, findings) is is_explained, factor


def test_a_history_that_is_rewritten_in_two_loads_is_whole_in_the_end(
    findings: Findings, marts: duckdb.DuckDBPyConnection
) -> None:
    """The overlap first; then the older closes are read anew, in the new scale."""
    nvda = {"ticker": "NVDA", "factor": 10, "batch": "new", "hour": 1, "before": "2024-06-10"}
    overlap = REWRITTEN.format(**nvda).replace("'2025-09-01'", "'2030-01-01'")
    marts.execute(overlap + " and session_date >= '2024-05-01'")
    assert [row["n_sessions_left"] for row in findings("rewritten_histories_are_whole")] == [83]
    marts.execute(
        "update raw.equity_prices set retrieved_at = timestamp '2030-01-02', batch_id = 'newer' "
        "where ticker = 'NVDA' and session_date < '2024-05-01'"
    )
    assert findings("rewritten_histories_are_whole") == []


def test_single_corrections_are_no_rewritten_history(
    findings: Findings, marts: duckdb.DuckDBPyConnection
) -> None:
    few = {"ticker": "MARA", "factor": 10, "batch": "new", "hour": 1, "before": "2024-01-12"}
    marts.execute(REWRITTEN.format(**few))
    assert marts.execute("select count(*) from ingest.revisions").fetchall() == [(8,)]
    assert _explained(marts, findings)


def test_a_second_rewriting_is_measured_against_the_first(
    findings: Findings, marts: duckdb.DuckDBPyConnection
) -> None:
    """Thirty times the stored close, then ten times: the steps were 3 and 10, both unexplained."""
    mara = {"ticker": "MARA", "before": "2025-03-18"}
    marts.execute(REWRITTEN.format(**mara, factor=30, batch="first", hour=1))
    marts.execute(REWRITTEN.format(**mara, factor=10, batch="second", hour=2))
    found = findings("revisions_by_a_factor_are_splits")
    assert [(row["new_batch_id"], round(row["close_factor"], 6)) for row in found] == [
        ("first", 3),
        ("second", 10),
    ]


def test_every_rule_has_a_reason_a_date_and_a_reader() -> None:
    project = yaml.safe_load((PROJECT_DIR / "dbt" / "dbt_project.yml").read_text("utf-8"))
    rules = project["vars"]["quality"]
    sql = {path.stem: path.read_text("utf-8") for path in PROJECT_DIR.glob("dbt/tests/singular/*")}
    macros = [path.read_text("utf-8") for path in PROJECT_DIR.glob("dbt/macros/*.sql")]
    for name, rule in rules.items():
        assert set(rule) == {"threshold", "unit", "severity", "reason", "decided_date"}, name
        assert rule["severity"] in {"warn", "error"}, name
        assert len(rule["reason"]) > 40, name
        assert date.fromisoformat(rule["decided_date"]), name
        assert any(f"['{name}']" in text for text in [*sql.values(), *macros]), name
    assert set(sql) - {"singular"} == set(rules) - {
        "quiet_market",
        "least_split_factor",
        "least_rewritten_sessions",
        "least_days_of_hashrate",
    }

"""What the exposure, economics and reconciliation marts must say on the bundled figures."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest


def _exposure(marts: duckdb.DuckDBPyConnection, ticker: str, day: str, columns: str) -> Any:
    return marts.execute(
        f"select {columns} from marts.fct_ai_exposure where ticker = ? and as_of_date = ?",
        [ticker, day],
    ).fetchone()


def test_core_scientific_on_the_eve_of_the_event(marts: duckdb.DuckDBPyConnection) -> None:
    assert _exposure(
        marts,
        "CORZ",
        "2025-03-25",
        "hpc_contracted_mw, hpc_contracted_basis, hpc_status, hpc_contracted_stated_mw, "
        "hpc_contracted_stated_value_basis, hpc_contracted_critical_it_mw, "
        "hpc_contracted_unknown_basis_mw, hpc_contracted_gross_mw, known_date, weakest_source",
    ) == (
        590,
        "critical_it",
        "stated",
        590,
        "approximate",
        572,
        16,
        # The 394 MW of Denton are a lease of a site, not a customer's contract.
        None,
        date(2025, 2, 26),
        "repost",
    )


def test_core_scientific_share_revenue_and_value(marts: duckdb.DuckDBPyConnection) -> None:
    share, basis, gross_basis, revenue, value = _exposure(
        marts,
        "CORZ",
        "2025-03-25",
        "hpc_mw_share, share_basis, gross_power_basis, hpc_revenue_share, value_per_mw_year_usd",
    )
    assert share == pytest.approx(590 / 1300, rel=1e-12)
    assert (basis, gross_basis) == ("critical_it_times_pue", "gross_contracted_power")
    assert revenue == pytest.approx(8.5 / 94.9, rel=1e-12)
    # Contracts with value, megawatts of critical IT load and term.
    assert value == pytest.approx(
        (3.5e9 + 1.225e9 + 2e9 + 2e9) / ((200 + 70 + 112 + 120) * 12), rel=1e-12
    )


def test_a_contract_counts_from_the_end_of_its_day(marts: duckdb.DuckDBPyConnection) -> None:
    columns = "hpc_contracted_critical_it_mw, hpc_contracted_mw, hpc_contracted_basis, known_at"
    before = _exposure(marts, "CORZ", "2024-06-02", columns)
    after = _exposure(marts, "CORZ", "2024-06-03", columns)
    assert before[:3] == (None, 16, "unknown")
    assert after[:3] == (200, 200, "critical_it")
    # Midnight in New York, daylight saving time.
    assert after[3].isoformat() == "2024-06-04T04:00:00"


@pytest.mark.parametrize(
    ("ticker", "contracted_mw", "status"),
    [
        ("WULF", 60, "stated"),
        ("MARA", 0, "none_found"),
        ("CLSK", 0, "none_found"),
        ("RIOT", 0, "none_found"),
        ("BITF", 0, "none_found"),
        ("HUT", None, "unknown"),
        ("IREN", None, "unknown"),
        ("BTBT", None, "unknown"),
        # A search found contracts of CIFR and APLD, all of them later: unknown, not zero.
        ("CIFR", None, "unknown"),
        ("APLD", None, "unknown"),
    ],
)
def test_zero_is_told_from_unknown(
    marts: duckdb.DuckDBPyConnection, ticker: str, contracted_mw: float | None, status: str
) -> None:
    assert _exposure(marts, ticker, "2025-03-25", "hpc_contracted_mw, hpc_status") == (
        contracted_mw,
        status,
    )


def test_zero_ends_where_the_search_ended(marts: duckdb.DuckDBPyConnection) -> None:
    columns = "hpc_contracted_mw, hpc_status"
    assert _exposure(marts, "MARA", "2025-12-31", columns) == (0, "none_found")
    assert _exposure(marts, "MARA", "2026-01-01", columns) == (None, "unknown")


def test_a_total_that_a_new_contract_outdates_is_marked(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    columns = "hpc_contracted_stated_mw, hpc_contracted_critical_it_mw, has_contract_since_stated"
    assert _exposure(marts, "WULF", "2025-08-13", columns) == (60, 60, False)
    assert _exposure(marts, "WULF", "2025-08-14", columns) == (60, 260, True)


def test_own_purchases_and_customers_contract_nothing(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        "select announcement_id, adds_contracted_capacity from marts.fct_capex_announcements "
        "where announcement_id in ('iren-gpu-23k', 'msft-nebius-17bn', 'iren-microsoft-9p7bn', "
        "'corz-denton-lease-394mw') order by 1"
    ).fetchall()
    assert rows == [
        ("corz-denton-lease-394mw", False),
        ("iren-gpu-23k", False),
        ("iren-microsoft-9p7bn", True),
        ("msft-nebius-17bn", False),
    ]


def test_ranking_on_the_eve_of_the_event(marts: duckdb.DuckDBPyConnection) -> None:
    """Core Scientific first; known zeros share a rank; unknown has none."""
    rows = marts.execute(
        "select ticker, exposure_rank, n_score_parts from marts.fct_ai_exposure "
        "where as_of_date = '2025-03-25' and exposure_rank is not null order by 2, 1"
    ).fetchall()
    assert rows == [
        ("CORZ", 1, 2),
        ("WULF", 2, 1),
        *((ticker, 3, 1) for ticker in ("BITF", "CLSK", "MARA", "RIOT")),
    ]
    score, share, revenue = _exposure(
        marts, "CORZ", "2025-03-25", "exposure_score, hpc_mw_share, hpc_revenue_share"
    )
    assert score == pytest.approx((share + revenue) / 2, rel=1e-12)
    # What Hut 8 earns with HPC is known; what it has contracted is not.
    assert _exposure(marts, "HUT", "2025-03-25", "score_revenue_part, exposure_score") == (
        pytest.approx(3.4 / 35.2, rel=1e-12),
        None,
    )


def test_market_value_says_where_it_is_from(marts: duckdb.DuckDBPyConnection) -> None:
    columns = "market_cap_usd, market_cap_basis, market_cap_date, ev_per_mw_usd"
    close = marts.execute(
        "select close from raw.equity_prices where ticker = 'BITF' and session_date = '2025-03-25'"
    ).fetchone()[0]
    assert _exposure(marts, "BITF", "2025-03-25", columns) == (
        pytest.approx(479_332_885 * close, rel=1e-12),
        "shares_times_close",
        date(2025, 3, 25),
        None,
    )
    assert _exposure(marts, "IREN", "2025-03-25", columns) == (
        1.58e9,
        "stated",
        date(2025, 3, 17),
        None,
    )
    # 31 days after the figure it is too old to stand for a price.
    assert _exposure(marts, "IREN", "2025-04-17", "market_cap_basis") == ("stated",)
    assert _exposure(marts, "IREN", "2025-04-18", "market_cap_usd") == (None,)
    # A Sunday has the close of the Friday before.
    sunday = _exposure(marts, "BITF", "2025-03-23", "market_session_date, market_cap_date")
    assert sunday == (date(2025, 3, 21), date(2025, 3, 21))


def test_betas_of_a_day_are_those_of_its_session(marts: duckdb.DuckDBPyConnection) -> None:
    for sessions in (60, 120):
        expected = marts.execute(
            "select beta_ai, beta_btc from marts.fct_rolling_betas where ticker = 'CORZ' "
            "and session_date = '2025-03-25' and window_sessions = ?",
            [sessions],
        ).fetchone()
        columns = f"beta_ai_{sessions}d, beta_btc_{sessions}d"
        assert None not in expected
        assert _exposure(marts, "CORZ", "2025-03-25", columns) == expected
    assert _exposure(marts, "CORZ", "2025-09-06", "beta_ai_120d, ai_tilt") == (None, None)


def test_every_day_recomputed_from_the_ledger(marts: duckdb.DuckDBPyConnection) -> None:
    """Figures, parts and rank of all miners and days again, in pandas from the raw rows."""
    raw = marts.execute("select * from raw.company_facts where known_at is not null").df()
    deals = marts.execute(
        "select * from marts.fct_capex_announcements "
        "where adds_contracted_capacity and known_date is not null"
    ).df()
    exposure = marts.execute(
        "select * from marts.fct_ai_exposure where dayofmonth(as_of_date) in (1, 15, 25)"
    ).df()
    grades = {"primary": 0, "press_release_copy": 1, "news": 2, "repost": 3}
    literal = {"as_stated": 0, "approximate": 1, "derived": 2}
    raw["grade"] = raw["source_quality"].map(grades)
    raw["literal"] = raw["value_basis"].map(literal)
    order = ["as_of_date", "known_at", "grade", "literal", "value"]
    raw = raw.sort_values(order, ascending=[False, False, True, True, False])
    checked = 0
    for row in exposure.itertuples():
        known = raw[(raw["ticker"] == row.ticker) & (raw["known_at"] <= row.as_of_date)]
        points = known[known["period"] == "point"].drop_duplicates("metric").set_index("metric")
        for metric, column in (
            ("contracted_hpc_mw", "hpc_contracted_stated_mw"),
            ("total_power_capacity_mw", "gross_power_mw"),
            ("operational_hpc_mw", "hpc_delivered_mw"),
        ):
            value = getattr(row, column)
            assert (points["value"].get(metric) == value) or pd.isna(value), (row, column)
            assert (metric in points.index) == pd.notna(value)
            checked += pd.notna(value)
        quarters = known[known["period"] == "quarter"].drop_duplicates(["metric", "as_of_date"])
        shares = quarters.pivot(index="as_of_date", columns="metric", values="value")
        if {"hpc_revenue_usd", "total_revenue_usd"} <= set(shares):
            both = (shares["hpc_revenue_usd"] / shares["total_revenue_usd"]).dropna()
            assert row.hpc_revenue_share == pytest.approx(both.sort_index().iloc[-1], rel=1e-12)
        else:
            assert pd.isna(row.hpc_revenue_share)
        contracts = deals[(deals["ticker"] == row.ticker) & (deals["known_date"] <= row.as_of_date)]
        assert row.n_contracts == len(contracts)
        sums = contracts.groupby("power_basis")["power_mw"].sum()
        assert sums.get("critical_it", 0) == np.nan_to_num(row.hpc_contracted_critical_it_mw)
        assert sums.get("gross", 0) == np.nan_to_num(row.hpc_contracted_gross_mw)
    assert checked > 300
    scored = exposure[exposure["exposure_score"].notna()]
    ranks = exposure.groupby("as_of_date", group_keys=False)[
        ["exposure_score", "hpc_contracted_mw"]
    ].apply(
        lambda day: (
            day.dropna(subset=["exposure_score"])
            .apply(tuple, axis=1)
            .rank(method="min", ascending=False)
        )
    )
    assert (scored["exposure_rank"] == ranks.loc[scored.index]).all()


def test_contradictory_power_of_bitfarms_stands_side_by_side(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    rows = marts.execute(
        "select value, power_basis, is_selected, selected_from_date, selected_to_date, "
        "selection_reason, other_values from marts.fct_company_facts "
        "where ticker = 'BITF' and metric = 'total_power_capacity_mw' order by as_of_date"
    ).fetchall()
    assert [row[:5] for row in rows] == [
        (623, "under_management", False, date(2025, 3, 17), date(2025, 3, 26)),
        (461, "energised", True, date(2025, 3, 27), None),
    ]
    assert rows[0][5] == "taken until a figure for a later day became known"
    assert "461.0 energised" in rows[0][6]
    assert "623.0 under_management" in rows[1][6]
    assert _exposure(marts, "BITF", "2025-03-26", "gross_power_mw") == (623,)
    assert _exposure(marts, "BITF", "2025-03-27", "gross_power_mw") == (461,)


def test_every_fact_of_the_ledger_is_there_once(marts: duckdb.DuckDBPyConnection) -> None:
    facts, ids, raw = marts.execute(
        "select count(*), count(distinct fact_id), (select count(*) from raw.company_facts) "
        "from marts.fct_company_facts"
    ).fetchone()
    assert facts == ids == raw > 100


def test_core_scientifics_contract_version_by_version(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        "select version_number, valid_from_date, change_kind, critical_it_mw, value_usd, "
        "value_per_mw_year_usd, is_current, is_hyperscaler_backed from marts.dim_hpc_contract "
        "where contract_id = 'corz-coreweave-200mw' order by version_number"
    ).fetchall()
    assert [(row[1], row[2], row[3]) for row in rows] == [
        (date(2024, 6, 3), "signed", 200),
        (date(2024, 6, 25), "expanded", 270),
        (date(2024, 8, 6), "option_exercised", 382),
        (date(2024, 10, 22), "option_exercised", 502),
        (date(2025, 2, 26), "expanded", 572),
    ]
    # About 500 MW for about 8.7bn USD over 12 years: 1.45m USD per megawatt-year.
    *_, value_usd, per_mw_year_usd, is_current, is_backed = rows[3]
    assert round(value_usd / 1e9, 1) == 8.7
    assert round(per_mw_year_usd / 1e6, 2) == 1.45
    assert per_mw_year_usd == pytest.approx(8.725e9 / (502 * 12), rel=1e-12)
    assert (is_current, is_backed) == (False, False)


def test_a_lease_of_land_is_no_contract_and_an_intention_none_in_force(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    assert marts.execute(
        "select count(*) from marts.dim_hpc_contract where announcement_ids like '%denton-lease%' "
        "or counterparty = 'City of Denton'"
    ).fetchone() == (0,)
    assert marts.execute(
        "select status, n_parts, gross_mw from marts.dim_hpc_contract "
        "where contract_id = 'mara-mplx-loi'"
    ).fetchall() == [("letter_of_intent", 0, None)]


def test_definitions_of_capex_are_never_mixed(marts: duckdb.DuckDBPyConnection) -> None:
    names = dict(
        marts.execute(
            "select ticker, list(distinct definition_id order by definition_id) "
            "from marts.fct_hyperscaler_capex where actual_usd is not null group by ticker"
        ).fetchall()
    )
    assert {"ppe_gross", "cash_capex_net", "total_incl_finance_leases"} < set(names["AMZN"])
    assert names["MSFT"] == ["ppe_cash", "total_incl_finance_leases"]
    # Amazon guides cash and reports a total with leases: no row holds both.
    assert marts.execute(
        "select count(*) from marts.fct_hyperscaler_capex where ticker = 'AMZN' "
        "and fiscal_period = 'CY2025' and actual_usd is not null "
        "and guidance_central_usd is not null"
    ).fetchone() == (0,)
    raw, undated = marts.execute(
        "select count(*), count(*) filter (where announced_on is null) from raw.hyperscaler_capex"
    ).fetchone()
    versions = marts.execute(
        "select count(*) filter (where not is_point_in_time) from marts.fct_hyperscaler_capex"
    ).fetchone()[0]
    assert raw > 60
    assert versions == undated == 12


def test_guidance_is_revised_step_by_step(marts: duckdb.DuckDBPyConnection) -> None:
    rows = marts.execute(
        "select announced_on, guidance_low_usd / 1e9, guidance_high_usd / 1e9, "
        "revision_usd / 1e9, guidance_change, is_latest from marts.fct_hyperscaler_capex "
        "where ticker = 'META' and fiscal_period = 'CY2025' order by version_number"
    ).fetchall()
    assert rows == [
        (date(2025, 1, 24), 60, 65, None, "first", False),
        (date(2025, 4, 30), 64, 72, 5.5, "raised", False),
        (date(2025, 7, 30), 66, 72, 1, "raised", False),
        (date(2025, 10, 31), 70, 72, 2, "raised", True),
    ]


def test_an_event_cannot_explain_itself_with_a_contract_of_its_day(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    """Contracts announced on the event session change that day's exposure, not the event's row."""
    rows = marts.execute(
        "select summary.event_id, summary.ticker, summary.hpc_contracted_mw, "
        "before.hpc_contracted_mw, that_day.hpc_contracted_mw, "
        "before.n_contracts, that_day.n_contracts "
        "from marts.selloff_summary as summary "
        "join marts.fct_capex_announcements as contracts on contracts.ticker = summary.ticker "
        "and contracts.known_date = summary.t0 and contracts.adds_contracted_capacity "
        "join marts.fct_ai_exposure as before on before.ticker = summary.ticker "
        "and before.as_of_date = summary.previous_session "
        "join marts.fct_ai_exposure as that_day on that_day.ticker = summary.ticker "
        "and that_day.as_of_date = summary.t0"
    ).fetchall()
    assert {"CORZ", "WULF", "APLD"} <= {row[1] for row in rows}
    for row in rows:
        _, _, shown, before, _, n_before, n_that_day = row
        assert shown == before, row
        assert n_that_day > n_before, row
    assert any(shown != that_day for _, _, shown, _, that_day, _, _ in rows)


def test_every_miner_has_every_day(marts: duckdb.DuckDBPyConnection) -> None:
    n_miners, n_rows, n_days, first = marts.execute(
        "select count(distinct ticker), count(*), max(as_of_date) - min(as_of_date) + 1, "
        "min(as_of_date) from marts.fct_ai_exposure"
    ).fetchone()
    assert n_miners == 14
    assert n_rows == n_miners * n_days
    assert first == date(2024, 1, 2)


def test_network_on_the_day_of_the_event(marts: duckdb.DuckDBPyConnection) -> None:
    eh_s, hashprice, subsidy, days = marts.execute(
        "select network_eh_s, hashprice_usd_ph, subsidy_btc, days_since_halving "
        "from marts.fct_mining_economics where date_utc = '2025-03-26'"
    ).fetchone()
    assert eh_s == pytest.approx(859.5, abs=0.05)
    # Reward of the day over its hashes, worked from the reported figures alone.
    difficulty, fees, price, blocks = marts.execute(
        "select difficulty, fees_usd, price_usd, blocks from raw.network_metrics "
        "where date_utc = '2025-03-26'"
    ).fetchone()
    reward_usd = 3.125 * price + fees / blocks
    assert hashprice == pytest.approx(1e15 * 86400 / (difficulty * 2**32) * reward_usd, rel=1e-12)
    assert (subsidy, days) == (3.125, 340)


def test_the_mixed_day_of_the_halving_uses_what_was_issued(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    rows = marts.execute(
        "select subsidy_btc, subsidy_source, halving_number from marts.fct_mining_economics "
        "where date_utc between '2024-04-18' and '2024-04-21' order by date_utc"
    ).fetchall()
    assert rows[0] == (6.25, "halving_schedule", 3)
    # 147 of the day's 151 blocks at 6.25 and 4 at 3.125: the source's days end later than UTC's.
    assert rows[1][0] == pytest.approx((147 * 6.25 + 4 * 3.125) / 151, rel=1e-7)
    assert rows[1][1:] == ("issuance_of_the_day", 3)
    assert rows[2][0] == pytest.approx(3.125, rel=1e-7)
    assert rows[3] == (3.125, "halving_schedule", 4)


def test_dividend_payers_are_compared_by_returns(marts: duckdb.DuckDBPyConnection) -> None:
    fields = marts.execute(
        "select field, list(distinct ticker order by ticker) from marts.fct_source_reconciliation "
        "where table_name = 'equity_prices' group by field order by field"
    ).fetchall()
    assert fields[0] == (
        "close_return",
        ["GOOGL", "META", "MSFT", "ORCL", "QQQ", "SPY", "WGMI"],
    )
    assert "CORZ" in fields[1][1]


def test_two_bitcoin_prices_lie_close_together(marts: duckdb.DuckDBPyConnection) -> None:
    days, mean, worst, worst_date = marts.execute(
        "select count(*), avg(relative_difference), max(relative_difference), "
        "max_by(value_date, relative_difference) from marts.fct_source_reconciliation "
        "where table_name = 'btc_prices'"
    ).fetchone()
    assert days == 609
    assert mean == pytest.approx(0.00106, abs=0.00001)
    assert worst == pytest.approx(0.00823, abs=0.00001)
    assert worst_date == date(2024, 4, 13)

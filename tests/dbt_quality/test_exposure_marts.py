"""What the exposure, economics and reconciliation marts must say on the bundled figures."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
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

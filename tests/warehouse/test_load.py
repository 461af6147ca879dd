"""Loads are typed, all or nothing, and change only what changed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from dagster_project.contracts import Window
from dagster_project.errors import LoadRefused

ORIGIN = "/folder/snapshot/equity_daily.csv"
LATER = datetime(2025, 6, 1, 8, 30)


def refusal(loading, table: str, rows: list[dict], **how) -> LoadRefused:
    before = loading.rows(table)
    with pytest.raises(LoadRefused) as refused:
        loading.load(table, rows, **how)
    assert loading.rows(table) == before, "a refused load touched the stored rows"
    assert refused.value.mend
    return refused.value


def rejected(loading) -> list[tuple]:
    return loading.query(
        "SELECT source_ref, column_name, reason FROM ingest.rejected_rows ORDER BY ALL"
    )


# --- the order of the rows -----------------------------------------------------------------


def stored_order(loading) -> list[tuple]:
    return loading.query("SELECT ticker, session_date FROM raw.equity_prices ORDER BY rowid")


@pytest.mark.parametrize("turned", [False, True], ids=["as vendors answer", "newest first"])
def test_rows_are_stored_in_the_order_of_their_key(loading, prices, turned):
    rows = [*prices("AAA"), *prices("BBB")]
    loading.load("equity_prices", rows[::-1] if turned else rows)
    assert stored_order(loading) == [(row["ticker"], row["session_date"]) for row in rows]


def test_one_row_out_of_its_place_is_put_there(loading, prices):
    rows = prices()
    moved = [*rows[:7], *rows[8:], rows[7]]
    loading.load("equity_prices", moved)
    assert stored_order(loading) == [(row["ticker"], row["session_date"]) for row in rows]


@pytest.mark.parametrize("turned", [False, True], ids=["side by side", "far apart"])
def test_a_repeated_key_is_found_wherever_it_stands(loading, prices, turned):
    rows = prices(count=50)
    again = {**rows[20], "close": 99.0}
    error = refusal(
        loading,
        "equity_prices",
        [*rows, again] if turned else [*rows[:21], again, *rows[21:]],
    )
    assert "the same key" in str(error)


# --- the same again changes nothing ------------------------------------------------------


def test_loading_twice_leaves_every_byte_and_logs_both(loading, prices):
    first = loading.load("equity_prices", prices())
    before = loading.rows()
    second = loading.load("equity_prices", prices(), retrieved_at=LATER)

    assert (first.inserted, first.total, first.summary()) == (200, 200, "200 rows, 200 new")
    assert (second.unchanged, second.changed) == (200, False)
    assert second.summary() == "200 rows, unchanged"
    assert loading.rows() == before  # retrieved_at and batch_id of the first load included
    assert loading.query(
        "SELECT batch_id, status, rows_read, rows_inserted, rows_unchanged, rows_rejected, "
        "retrieved_at, origin FROM ingest.batches WHERE table_name = 'equity_prices' "
        "ORDER BY loaded_at"
    ) == [
        (first.batch_id, "loaded", 200, 200, 0, 0, datetime(2025, 3, 27, 12), ORIGIN),
        (second.batch_id, "loaded", 200, 0, 200, 0, LATER, ORIGIN),
    ]
    assert loading.query("SELECT count(*) FROM ingest.revisions") == [(0,)]


def test_every_row_says_where_it_is_from(loading, prices):
    report = loading.load("equity_prices", prices(count=2))
    assert loading.query(
        "SELECT DISTINCT source, source_url, retrieved_at, batch_id FROM raw.equity_prices"
    ) == [("test", None, datetime(2025, 3, 27, 12), report.batch_id)]


def test_a_rows_own_source_goes_before_the_extracts(loading, prices):
    loading.load("equity_prices", prices(count=2, source="yahoo"))
    assert loading.query("SELECT source FROM raw.equity_prices ORDER BY session_date") == [
        ("yahoo",),
        ("test",),
    ]


def test_a_changed_value_replaces_the_old_one_which_is_kept(loading, prices):
    first = loading.load("equity_prices", prices())
    second = loading.load("equity_prices", prices(close=9.5, volume=7), retrieved_at=LATER)

    assert (second.updated, second.unchanged, second.inserted) == (1, 199, 0)
    assert loading.query(
        "SELECT close, volume, retrieved_at, batch_id FROM raw.equity_prices "
        "ORDER BY session_date LIMIT 1"
    ) == [(9.5, 7, LATER, second.batch_id)]
    assert loading.query(
        "SELECT row_key, action, changed_columns, old_row->>'close', old_batch_id, new_batch_id "
        "FROM ingest.revisions"
    ) == [
        (
            '{"ticker":"AAA","session_date":"2025-01-01"}',
            "replaced",
            ["close", "volume"],
            "10.0",
            first.batch_id,
            second.batch_id,
        )
    ]


def test_corrections_of_single_days_are_found_anywhere_in_a_history(loading, prices):
    history = prices()
    loading.load("equity_prices", history)
    for position in (0, 57, len(history) - 1):
        corrected = {**history[position], "close": 3.25}
        report = loading.load("equity_prices", [corrected], complete=False)
        assert (report.updated, report.inserted, report.total) == (1, 0, len(history))
    assert loading.query("SELECT count(*) FROM raw.equity_prices WHERE close = 3.25") == [(3,)]
    assert loading.query("SELECT count(*) FROM ingest.revisions") == [(3,)]


def test_a_value_that_goes_missing_is_a_change(loading, prices):
    loading.load("equity_prices", prices(volume=7))
    loading.load("equity_prices", prices())
    assert loading.query("SELECT changed_columns FROM ingest.revisions") == [(["volume"],)]


def test_a_removed_row_is_kept_as_a_revision(loading, prices):
    loading.load("equity_prices", prices())
    report = loading.load("equity_prices", prices()[:-1])
    assert (report.removed, report.total) == (1, 199)
    assert loading.query(
        "SELECT action, old_row->>'session_date', new_batch_id FROM ingest.revisions"
    ) == [("removed", str(prices()[-1]["session_date"]), report.batch_id)]


def test_an_answer_that_is_not_complete_removes_nothing(loading, prices):
    loading.load("equity_prices", prices())
    report = loading.load("equity_prices", prices(count=1, close=9.0), complete=False)
    assert (report.removed, report.updated, report.total) == (0, 1, 200)


def test_too_many_removed_rows_are_refused_unless_told_to(loading, prices):
    loading.load("equity_prices", prices())
    error = refusal(loading, "equity_prices", prices(count=150))
    assert error.what == (
        "Table equity_prices would lose 50 of the 200 rows loaded before; the stored rows stay."
    )
    assert error.where == "/folder/snapshot/equity_daily.csv"
    assert "MINER_ALLOW_SMALLER=1" in error.mend
    assert loading.query(
        "SELECT status, rows_removed FROM ingest.batches ORDER BY loaded_at DESC LIMIT 1"
    ) == [("refused", 0)]

    report = loading.load("equity_prices", prices(count=150), allow_smaller=True)
    assert (report.removed, report.total) == (50, 150)


def test_an_empty_answer_does_not_empty_a_table(loading, prices):
    loading.load("equity_prices", prices())
    refusal(loading, "equity_prices", [])


def test_a_window_touches_only_its_own_dates(loading, prices):
    rows = prices()
    loading.load("equity_prices", rows)
    before = loading.values()
    window = Window(rows[50]["session_date"], rows[99]["session_date"])
    inside = [dict(row) for row in rows[50:100]]
    inside[0]["close"] = 99.0
    del inside[10]

    report = loading.load("equity_prices", inside, window=window)

    assert (report.updated, report.removed, report.total) == (1, 1, 199)
    after = loading.values()
    outside = [
        [row for row in some if not window.start <= row[1] <= window.end]
        for some in (before, after)
    ]
    assert outside[0] == outside[1]
    assert loading.query(
        "SELECT window_start, window_end FROM ingest.batches ORDER BY loaded_at DESC LIMIT 1"
    ) == [(window.start, window.end)]


def test_removal_within_a_window_is_held_against_that_window(loading, prices):
    rows = prices()
    loading.load("equity_prices", rows)
    window = Window(rows[50]["session_date"], rows[59]["session_date"])
    error = refusal(loading, "equity_prices", rows[50:55], window=window)
    assert "would lose 5 of the 10 rows" in error.what


# --- two rows for one key ------------------------------------------------------------------


def test_exact_repeats_collapse(loading, prices):
    report = loading.load("equity_prices", [*prices(), prices()[0]])
    assert (report.read, report.inserted, report.total) == (201, 200, 200)


def test_two_rows_that_contradict_each_other_are_refused(loading, prices):
    loading.load("equity_prices", prices())
    error = refusal(loading, "equity_prices", [*prices(), *prices(count=1, close=9.9)])
    assert error.what == (
        "Table equity_prices gets the same key (ticker, session_date) with different values; "
        "nothing was loaded."
    )
    assert error.where == (
        "snapshot/equity_daily.csv, line 2 and snapshot/equity_daily.csv, line 202: AAA, 2025-01-01"
    )
    assert error.mend == "keep the row that is right"
    assert loading.query(
        "SELECT status, rows_read FROM ingest.batches ORDER BY loaded_at DESC LIMIT 1"
    ) == [("refused", 201)]


# --- rows that break the contract -----------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"close": -1.0}, "close", "value -1.0 is not above 0"),
        ({"close": 0.0}, "close", "value 0.0 is not above 0"),
        ({"open": -0.5}, "open", "value -0.5 is not above 0"),
        ({"close": 1e9}, "close", "value 1000000000.0 is above the largest accepted value "),
        ({"close": float("inf")}, "close", "value is not a finite number"),
        ({"close": float("-inf")}, "close", "value is not a finite number"),
        ({"volume": -1}, "volume", "value -1 is below the least accepted value 0"),
        ({"volume": 2 * 10**12}, "volume", "above the largest accepted value 1,000,000,000,000"),
        (
            {"session_date": date(2025, 1, 4)},
            "session_date",
            "value 2025-01-04 is not in exchange_sessions: the calendar test has no session that "
            "day; correct the date or drop the row, or name another calendar in "
            "study/parameters.csv",
        ),
        ({"session_date": date(2199, 1, 1)}, "session_date", "value 2199-01-01 is not in "),
        ({"source_url": "see the web"}, "source_url", "value see the web does not look like"),
    ],
)
def test_a_broken_row_is_set_aside_with_its_reason(loading, prices, change, column, reason):
    report = loading.load("equity_prices", prices(**change))

    assert (report.rejected, report.total) == (1, 199)
    ((place, found_column, found_reason),) = rejected(loading)
    assert (place, found_column) == ("snapshot/equity_daily.csv, line 2", column)
    assert found_reason.startswith(reason) or found_reason.endswith(reason)
    assert report.rejections == (f"{place}, column {column}: {found_reason}",)
    assert loading.query("SELECT min(close) > 10, max(close) < 12 FROM raw.equity_prices") == [
        (True, True)
    ]
    assert loading.query("SELECT row_content->>'ticker', batch_id FROM ingest.rejected_rows") == [
        ("AAA", report.batch_id)
    ]


def test_a_row_broken_twice_counts_once_and_gives_both_reasons(loading, prices):
    report = loading.load("equity_prices", prices(close=-1.0, volume=-1))
    assert report.rejected == 1
    assert [column for _, column, _ in rejected(loading)] == ["close", "volume"]


def test_a_text_longer_than_its_contract_is_set_aside(loading, prices):
    report = loading.load("equity_prices", prices(source="x" * 2001))
    assert report.rejections[0].endswith(
        "column source: text of 2001 characters is longer than 2000"
    )


def test_a_broken_correction_leaves_the_last_good_value(loading, prices):
    loading.load("equity_prices", prices())
    before = loading.rows()
    report = loading.load("equity_prices", prices(close=-1.0))
    assert (report.rejected, report.removed, report.updated) == (1, 0, 0)
    assert loading.rows() == before


def test_more_broken_rows_than_the_contract_allows_refuse_the_load(loading, prices):
    loading.load("equity_prices", prices())
    broken = prices(close=9.0)
    for row in broken[10:13]:
        row["close"] = -1.0

    error = refusal(loading, "equity_prices", broken)

    assert error.what == (
        "3 of 200 rows break the contract of table equity_prices; nothing was loaded, "
        "the stored rows stay."
    )
    assert error.where.splitlines()[0] == (
        "snapshot/equity_daily.csv, line 12, column close: value -1.0 is not above 0"
    )
    assert "ingest.rejected_rows" in error.mend
    assert len(rejected(loading)) == 3
    assert loading.query(
        "SELECT status, rows_rejected, rows_updated FROM ingest.batches "
        "ORDER BY loaded_at DESC LIMIT 1"
    ) == [("refused", 3, 0)]


EVENT = {
    "event_id": "news",
    "title": "News",
    "event_type": "demand",
    "news_date": date(2025, 3, 26),
    "news_timing": "in_session",
}


@pytest.mark.parametrize("named", ["ZZZ", "AAA;ZZZ", "AAA; ZZZ ;BBB"])
def test_an_unknown_ticker_in_an_event_names_its_line(loading, named):
    error = refusal(
        loading, "market_events", [EVENT, EVENT | {"event_id": "b", "tickers_named": named}]
    )
    assert error.where == (
        "ledger/events.csv, line 3, column tickers_named: value ZZZ is not in companies: "
        "add the ticker to ledger/companies.csv or correct its spelling"
    )
    assert loading.query("SELECT count(*) FROM raw.market_events") == [(0,)]


def test_known_tickers_in_an_event_may_be_spaced(loading):
    loading.load("market_events", [EVENT | {"tickers_named": "AAA; BBB"}])
    assert loading.query("SELECT tickers_named FROM raw.market_events") == [("AAA; BBB",)]


def test_one_unknown_ticker_among_prices_refuses_all(loading, prices):
    loading.load("equity_prices", prices())
    error = refusal(loading, "equity_prices", prices(ticker="AAA") + prices("ZZZ", 1))
    assert "line 202, column ticker: value ZZZ is not in companies" in error.where


def test_facts_are_refused_on_the_first_broken_row(loading):
    error = refusal(loading, "market_events", [EVENT | {"news_timing": "teatime"}])
    assert error.where.startswith(
        "ledger/events.csv, line 2, column news_timing: value teatime is none of before_open, "
    )


def test_a_rule_over_several_columns_gives_its_own_reason(loading):
    error = refusal(
        loading,
        "study_windows",
        [{"window_id": "[1,-1]", "first_day": 1, "last_day": -1}],
    )
    assert error.where == "study/windows.csv, line 2: the window ends before it starts"


def test_a_quote_in_a_value_is_only_a_character(loading):
    title = """it's "quoted"; DROP TABLE raw.companies; --"""
    loading.load("market_events", [EVENT | {"title": title}])
    loading.load("market_events", [EVENT | {"title": title + "!"}])
    assert loading.query("SELECT title FROM raw.market_events") == [(title + "!",)]
    assert loading.query("SELECT old_row->>'title' FROM ingest.revisions") == [(title,)]
    assert loading.query("SELECT count(*) FROM raw.companies") == [(3,)]


def test_retrieved_at_stays_that_of_the_first_reading(loading, prices):
    loading.load("equity_prices", prices())
    loading.load("equity_prices", prices(close=9.5), retrieved_at=LATER)
    loading.load("equity_prices", prices(close=9.5), retrieved_at=LATER + timedelta(days=1))
    assert loading.query(
        "SELECT retrieved_at, count(*) FROM raw.equity_prices GROUP BY ALL ORDER BY 1"
    ) == [(datetime(2025, 3, 27, 12), 199), (LATER, 1)]


# --- what a vendor did not serve -----------------------------------------------------------


def _network(**figures) -> dict:
    return {
        "date_utc": date(2026, 3, 1),
        "hashrate_eh_s": 900.0,
        "difficulty": 1.2e14,
        "blocks": 144,
        "issuance_usd": 4e7,
        "fees_usd": 5e5,
        "price_usd": 87_000.0,
        **figures,
    }


def test_a_figure_that_a_vendor_does_not_serve_keeps_the_stored_one(loading):
    loading.load("network_metrics", [_network()])
    report = loading.load(
        "network_metrics",
        [_network(fees_usd=None, hashrate_eh_s=901.0), _network(date_utc=date(2026, 3, 2))],
        complete=False,
    )
    assert (report.inserted, report.updated) == (1, 1)
    assert loading.query(
        "SELECT hashrate_eh_s, fees_usd FROM raw.network_metrics ORDER BY date_utc"
    ) == [(901.0, 5e5), (900.0, 5e5)]
    again = loading.load("network_metrics", [_network(fees_usd=None)], complete=False)
    assert (again.updated, again.total) == (1, 2)
    assert loading.query("SELECT changed_columns FROM ingest.revisions ORDER BY revised_at") == [
        (["hashrate_eh_s"],),
        (["hashrate_eh_s"],),
    ]


def test_what_nothing_is_stored_of_stays_absent(loading):
    loading.load("network_metrics", [_network(fees_usd=None)], complete=False)
    assert loading.query("SELECT fees_usd FROM raw.network_metrics") == [(None,)]


def test_a_file_means_what_it_leaves_out(loading):
    loading.load("network_metrics", [_network()])
    loading.load("network_metrics", [_network(fees_usd=None)])
    assert loading.query("SELECT fees_usd FROM raw.network_metrics") == [(None,)]


def test_an_absent_price_is_not_kept_over_a_bar_of_another_basis(loading, prices):
    loading.load("equity_prices", prices(count=1, open=100.0, close=100.0))
    loading.load("equity_prices", prices(count=1, open=None, close=10.0), complete=False)
    assert loading.query("SELECT open, close FROM raw.equity_prices") == [(None, 10.0)]


def _candidate(**fields) -> dict:
    return {
        "ticker": "AAA",
        "filed_date": date(2025, 3, 5),
        "accession": "0001999999-25-000012",
        "cik": "0001999999",
        "form": "8-K",
        "document_url": "https://www.sec.gov/x.htm",
        "status": "figures_found",
        "power_mw_candidates": "200",
        "power_basis_candidates": "unknown",
        **fields,
    }


def test_a_filing_that_could_not_be_read_is_listed_and_replaces_no_reading(loading):
    unread = {
        "status": "unread",
        "power_mw_candidates": None,
        "power_basis_candidates": None,
    }
    other = "0001999999-25-000013"
    loading.load("filing_candidates", [_candidate()], complete=False)
    report = loading.load(
        "filing_candidates",
        [_candidate(**unread), _candidate(**unread, accession=other)],
        complete=False,
    )
    assert (report.inserted, report.updated) == (1, 0)
    found = "SELECT accession, status FROM raw.filing_candidates ORDER BY accession"
    assert loading.query(found) == [("0001999999-25-000012", "figures_found"), (other, "unread")]
    # Read on a better day, it is replaced.
    loading.load("filing_candidates", [_candidate(accession=other)], complete=False)
    assert loading.query(found)[1] == (other, "figures_found")

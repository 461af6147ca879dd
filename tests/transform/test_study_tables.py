"""The tables' edge: relations in, Arrow streams out, on a market small enough to work by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from dagster_project.transform import arrow_stream, study_tables

N_SESSIONS = 12
NAN = float("nan")


def _relations(connection: duckdb.DuckDBPyConnection, **changed: pd.DataFrame) -> dict[str, Any]:
    """Two models around three events: the session numbers begin at 101.

    AAA has every close and the returns 5, 1, 5, 5 against the market's 1, 1, 3, 3 on the sessions
    102 to 105, HOLE lacks session 104 and GHOST has no price at all.
    """
    market = [NAN, 1, 1, 3, 3, 2, 2, 2, 4, 1, 2, 3]
    returns = {"AAA": [NAN, 5, 1, 5, 5, 8, 3, 3, 4, 5, 2, 7], "HOLE": [NAN, 2, 3, 1, 4, *[1.0] * 7]}
    prices = pd.concat(
        pd.DataFrame(
            {
                "ticker": ticker,
                "session_number": range(101, 101 + N_SESSIONS),
                "simple_return": values,
            }
        )
        for ticker, values in returns.items()
    )
    prices = prices[~((prices.ticker == "HOLE") & (prices.session_number == 104))]
    frames = {
        "equity_returns": prices,
        "factor_returns": pd.DataFrame(
            {
                "factor": "MKT",
                "factor_source": "exchange_close",
                "source_priority": 1,
                "is_asynchronous": False,
                "session_number": range(101, 101 + N_SESSIONS),
                "simple_return": market,
            }
        ).dropna(),
        "sessions": pd.DataFrame(
            {
                "session_number": range(101, 101 + N_SESSIONS),
                "session_date": pd.date_range("2025-03-03", periods=N_SESSIONS),
            }
        ),
        "firms": pd.DataFrame({"ticker": ["HOLE", "GHOST", "AAA"]}),
        "models": pd.DataFrame(
            {
                "model_id": ["masked", "market_model"],
                "factor_list": [["MKT"], ["MKT"]],
                "method": "ols",
                "return_kind": "simple",
                "leverage": "model",
                "mask_other_events": [True, False],
            }
        ),
        "windows": pd.DataFrame(
            {
                "window_id": ["[0,0]", "[0,1]"],
                "first_day": 0,
                "last_day": [0, 1],
                "rank_first_day": 0,
                "rank_last_day": [0, 1],
            }
        ),
        "parameters": pd.DataFrame(
            {
                "estimation_first_day": [-4],
                "estimation_last_day": [-1],
                "min_estimation_sessions": [3],
                "short_window_sessions": [4],
                "min_common_sessions": [3],
            }
        ),
        "events": pd.DataFrame(
            {
                "event_id": ["early", "event", "later", "future"],
                "t0_number": [103, 106, 109, 150],
                "estimation_first_day": -4,
                "estimation_last_day": -1,
                "data_status": ["in_data", "in_data", "in_data", "future_event"],
            }
        ),
        "named_firms": pd.DataFrame(
            {
                "event_id": ["early", "event", "event", "future"],
                "ticker": ["AAA", "AAA", "MKT", "AAA"],
            }
        ),
    } | changed
    return {name: connection.from_df(frame) for name, frame in frames.items()}


@pytest.fixture
def study() -> study_tables.Study:
    return study_tables.Study(**_relations(duckdb.connect()))


def rows(reader: pa.RecordBatchReader, *keys: str) -> dict[tuple, dict]:
    """Rows by their key; NULL is None, and no column holds a NaN."""
    listed = reader.read_all().to_pylist()
    for row in listed:
        assert not [
            name for name, value in row.items() if isinstance(value, float) and value != value
        ]
    found = {tuple(row[key] for key in keys): row for row in listed}
    assert len(found) == len(listed)
    return found


def test_estimates_of_firms_with_and_without_prices(study):
    """A tiny panel: alpha 2, beta 1, sd 2. The event after the data has no row."""
    found = rows(study.estimates(), "event_id", "model_id", "ticker")
    assert len(found) == 3 * 2 * 3
    one = found["event", "market_model", "AAA"]
    assert one["status"] == "ok"
    assert (one["alpha"], one["beta_market"], one["resid_sd"]) == pytest.approx((2, 1, 2))
    assert (one["n_est"], one["df_resid"], one["n_masked"]) == (4, 2, 0)
    assert (str(one["est_first_date"]), str(one["est_last_date"])) == ("2025-03-04", "2025-03-07")
    assert (one["is_short_window"], one["is_asynchronous"], one["factor_source"]) == (
        False, False, None,
    )  # fmt: skip
    assert one["beta_btc"] is None
    ghost = found["event", "market_model", "GHOST"]
    assert (ghost["status"], ghost["n_est"], ghost["est_first_date"]) == ("no_price", 0, None)
    assert (ghost["alpha"], ghost["df_resid"], ghost["is_short_window"]) == (None, None, True)
    assert found["early", "market_model", "AAA"]["status"] == "insufficient"


def test_an_event_has_an_estimation_window_of_its_own():
    """The event's days -4 to -2 are the sessions 102 to 104: AAA's 5, 1, 5 on the market's 1, 1, 3
    have the mean 3 where the market has 1. The events beside it keep the days -4 to -1.
    """
    connection = duckdb.connect()
    events = _relations(connection)["events"].df()
    events.loc[events.event_id == "event", "estimation_last_day"] = -2
    study = study_tables.Study(**_relations(connection, events=events))
    found = rows(study.estimates(), "event_id", "model_id", "ticker")
    one = found["event", "market_model", "AAA"]
    assert (one["n_est"], str(one["est_last_date"])) == (3, "2025-03-06")
    assert (one["alpha"], one["beta_market"]) == pytest.approx((2, 1))
    assert found["later", "market_model", "AAA"]["n_est"] == 4
    # The news at 103 masks 102 to 104, all of that window.
    assert found["event", "masked", "AAA"]["n_masked"] == 3
    # A window from day -1 is clear of this event's estimation, not of the others'.
    windows = pd.DataFrame(
        {
            "window_id": ["[-1,0]"],
            "first_day": -1,
            "last_day": 0,
            "rank_first_day": -1,
            "rank_last_day": 0,
        }
    )
    study = study_tables.Study(**_relations(connection, events=events, windows=windows))
    cars = rows(study.window_results(), "event_id", "model_id", "ticker", "window_id")
    # Returns of 5 and 8 on a market of 3 and 2: 5 - 5 and 8 - 4.
    assert cars["event", "market_model", "AAA", "[-1,0]"]["car"] == pytest.approx(4)
    assert cars["later", "market_model", "AAA", "[-1,0]"]["status"] == "overlaps_estimation"


def test_masks_are_the_sessions_beside_other_news_of_the_firm(study):
    """AAA's news at 106 masks 105 to 107 of the later event's window (105 to 108), for the model
    that wants it; news after the data mask nothing, nor does the event itself.
    """
    found = rows(study.estimates(), "event_id", "model_id", "ticker")
    assert found["later", "masked", "AAA"]["n_masked"] == 3
    assert found["later", "masked", "AAA"]["n_est"] == 1
    assert found["later", "market_model", "AAA"]["n_masked"] == 0
    # The early event's sessions 102 to 104 of the event's window (102 to 105).
    assert found["event", "masked", "AAA"]["n_masked"] == 3
    assert found["event", "masked", "HOLE"]["n_masked"] == 0


def test_the_parts_of_a_return_add_up(study):
    """Alpha 2 and a beta of 1 on a market of 2 expect 4: of a return of 8 the rest is 4."""
    found = rows(study.daily(), "event_id", "model_id", "ticker", "rel_day")
    day = found["event", "market_model", "AAA", 0]
    parts = ("intercept_part", "market_part", "bitcoin_part", "ar")
    assert [day[name] for name in parts] == pytest.approx([2, 2, 0, 4])
    assert (day["ret"], day["market_return"], day["expected"]) == pytest.approx((8, 2, 4))
    assert day["s_pred"] == pytest.approx(2 * np.sqrt(1.25))
    assert day["sar"] == pytest.approx(4 / day["s_pred"])
    ghost = found["event", "market_model", "GHOST", 0]
    # Where nothing is estimated a part is unknown, not zero; the market's return is known.
    assert [ghost[name] for name in (*parts, "expected", "s_pred", "p_two_sided")] == [None] * 7
    assert ghost["market_return"] == 2


def test_windows_have_one_row_per_firm_and_window(study):
    found = rows(study.window_results(), "event_id", "model_id", "ticker", "window_id")
    assert len(found) == 3 * 2 * 3 * 2
    day = found["event", "market_model", "AAA", "[0,0]"]
    assert (day["car"], day["raw_return"], day["status"]) == (pytest.approx(4), 8, "ok")
    assert day["n_quantile_sums"] == 4
    assert day["sq_p_two_sided"] == pytest.approx(1 / 5)
    ghost = found["event", "market_model", "GHOST", "[0,0]"]
    assert (ghost["car"], ghost["n_quantile_sums"], ghost["status"]) == (None, None, "no_price")


def test_slopes_have_one_row_per_factor(study):
    found = rows(study.betas(), "event_id", "model_id", "ticker", "factor_number")
    assert len(found) == 3 * 2 * 3
    one = found["event", "market_model", "AAA", 1]
    assert (one["factor"], one["beta"], one["factor_source"]) == (
        "MKT", pytest.approx(1), "exchange_close",
    )  # fmt: skip


def test_the_order_of_input_rows_changes_no_byte():
    connection = duckdb.connect()
    plain = study_tables.Study(**_relations(connection)).window_results().read_all()
    shuffled = {
        name: relation.df().sample(frac=1, random_state=4)
        for name, relation in _relations(connection).items()
    }
    again = study_tables.Study(**_relations(connection, **shuffled)).window_results().read_all()
    assert again.equals(plain)


def test_every_stream_has_the_columns_of_its_schema(study):
    for reader, schema in (
        (study.estimates(), arrow_stream.ESTIMATES),
        (study.betas(), arrow_stream.BETAS),
        (study.window_results(), arrow_stream.WINDOW_RESULTS),
        (study.daily(), arrow_stream.DAILY),
    ):
        assert reader.schema.equals(schema)
        assert reader.read_all().num_rows > 0


def test_a_study_without_events_has_no_rows_and_all_columns():
    connection = duckdb.connect()
    events = _relations(connection)["events"].df()
    nothing = events[events.data_status == "future_event"]
    empty = study_tables.Study(**_relations(connection, events=nothing))
    table = empty.estimates().read_all()
    assert table.num_rows == 0
    assert table.schema.equals(arrow_stream.ESTIMATES)


def test_the_span_holds_every_ranked_day_and_the_days_beside_the_event(study):
    assert study.parameters.span == (-1, 1)
    assert dataclasses.asdict(study.parameters)["min_common_sessions"] == 3

"""Results as a stream of Arrow batches, which DuckDB writes to a table as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

# Rows of a batch; a batch takes some ten megabytes.
_BATCH_ROWS = 50_000

# An array, a list, or one value for all rows, by column.
Columns = dict[str, Any]


def stream(schema: pa.Schema, parts: Iterable[Columns]) -> pa.RecordBatchReader:
    """Parts as batches of at least some thousand rows; NaN is NULL.

    A column of a part may be an array, a list, or one value for all of its rows.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        waiting: list[pa.RecordBatch] = []
        n_waiting = 0
        for part in parts:
            batch = _batch(schema, part)
            waiting.append(batch)
            n_waiting += batch.num_rows
            if n_waiting >= _BATCH_ROWS:
                yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
                waiting, n_waiting = [], 0
        yield from pa.Table.from_batches(waiting, schema).combine_chunks().to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _batch(schema: pa.Schema, columns: Columns) -> pa.RecordBatch:
    n_rows = max(np.size(v) for v in columns.values() if isinstance(v, np.ndarray | list))
    return pa.RecordBatch.from_arrays(
        [_array(columns[field.name], field.type, n_rows) for field in schema], schema=schema
    )


def _array(values: Any, kind: pa.DataType, n_rows: int) -> pa.Array:
    if not isinstance(values, np.ndarray | list):
        return pa.repeat(pa.scalar(values, kind, from_pandas=True), n_rows)
    flat = np.ravel(values) if isinstance(values, np.ndarray) else values
    if pa.types.is_integer(kind):
        # NaN stands for NULL in a column of whole numbers.
        flat = np.asarray(flat, dtype=float)
        return pa.array(flat, pa.float64(), from_pandas=True).cast(kind)
    return pa.array(flat, kind, from_pandas=True)


def _schema(**types: str) -> pa.Schema:
    named = {
        "text": pa.string(),
        "flag": pa.bool_(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "date": pa.date32(),
    }
    return pa.schema(
        [(name, named[kind]) for kind, names in types.items() for name in names.split()]
    )


ESTIMATES = _schema(
    text="event_id ticker model_id factor_source status",
    date="est_first_date est_last_date",
    whole="n_est n_masked df_resid",
    flag="is_short_window is_asynchronous",
    number="alpha beta_market beta_btc r2 resid_sd",
)
BETAS = _schema(
    text="event_id ticker model_id factor factor_source status",
    whole="factor_number",
    flag="is_asynchronous",
    number="beta",
)
WINDOW_RESULTS = _schema(
    text="event_id ticker model_id window_id status",
    number="raw_return expected_return car bhar car_sd_pred car_t_simple car_t_pred car_p_pred "
    "sq_p_lower sq_p_two_sided",
    whole="n_quantile_sums",
)
DAILY = _schema(
    text="event_id ticker model_id status",
    whole="rel_day",
    number="ret market_return expected ar s_pred sar p_two_sided market_part bitcoin_part "
    "intercept_part",
)
GROUP_TESTS = _schema(
    text="study_id group_id model_id window_id test_id status",
    whole="n_dates n_overlapping_dates n_firms n_firms_dropped n_pairs_dropped rank_rows",
    number="caar median_car share_negative rbar effective_n mde_80pct statistic df p_two_sided "
    "p_lower p_two_sided_t",
)
PORTFOLIO_PATHS = _schema(
    text="event_id group_id model_id status",
    whole="rel_day n_firms",
    number="ar raw_return_running car_running car_sd_running car_running_low car_running_high",
)
EXPOSURE_GRADIENTS = _schema(
    text="event_id group_id model_id window_id metric status",
    whole="n n_loo_undefined",
    number="slope slope_t_hc3 slope_t_portfolio p_portfolio sq_p spearman spearman_p loo_min "
    "loo_max long_short_return long_short_t",
)
SCANNED_DAYS = _schema(
    text="scan_id factor_source status",
    whole="session_number n_firms n_est df",
    flag="is_short_window is_asynchronous",
    number="portfolio_return expected_return abnormal_return s_pred portfolio_t p_two_sided "
    "p_lower q_bh q_by",
)
ROLLING_BETAS = _schema(
    text="ticker factor_source status",
    date="session_date",
    whole="window_sessions n_sessions n_basket_firms",
    flag="is_asynchronous",
    number="alpha beta_ai beta_btc r2 corr_ai_btc idiosyncratic_sd sd_ai sd_btc ai_tilt",
)

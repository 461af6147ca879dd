"""Second sources of the hashrate: compared on the day they are for, not on the day they stamp."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

ALIGNED, AS_STAMPED, FLAT, SHORT = "aligned", "as stamped", "flat", "short"


def _estimates(network: pd.DataFrame) -> pd.DataFrame:
    """The network's own hashrate as others would estimate it: about 1% off, stamped a day late."""
    draw = np.random.default_rng(20250326)
    others = network.assign(
        hashrate_eh_s=network.hashrate_eh_s * np.exp(0.01 * draw.standard_normal(len(network))),
        stamped_date=network.date_utc + pd.Timedelta(days=1),
        is_independent=True,
    )
    # A week without estimates: no change over it.
    others = others[~others.date_utc.between("2024-06-03", "2024-06-09")]
    return pd.concat(
        [
            others.assign(source=ALIGNED),
            others.assign(source=AS_STAMPED, date_utc=others.stamped_date),
            others.assign(source=FLAT, hashrate_eh_s=700.0, is_independent=False),
            others.tail(20).assign(source=SHORT, hashrate_eh_s=700.0),
        ]
    )


@pytest.fixture
def estimates(marts: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Drawn second sources, inserted into the warehouse as it was built."""
    network = marts.sql("select date_utc, hashrate_eh_s from raw.network_metrics").df()
    drawn = _estimates(network)
    marts.execute(
        "insert into raw.network_metrics_second_source by name "
        "select date_utc::date as date_utc, stamped_date::date as stamped_date, source, "
        "hashrate_eh_s, is_independent, now()::timestamp as retrieved_at, 'drawn' as batch_id "
        "from drawn"
    )
    return drawn


def _changes(levels: pd.Series) -> pd.Series:
    daily = levels.reindex(pd.date_range(levels.index.min(), levels.index.max()))
    return np.log(daily).diff()


def test_correlations_agree_with_numpy_and_tell_the_right_day(
    marts: duckdb.DuckDBPyConnection, estimates: pd.DataFrame
) -> None:
    network = marts.sql("select * from raw.network_metrics").df().set_index("date_utc")
    first = _changes(network.hashrate_eh_s)
    found = (
        marts.sql("select * from intermediate.int_hashrate_correlations")
        .df()
        .set_index(["source", "offset_days"])
    )
    assert set(found.index.get_level_values(0)) == {ALIGNED, AS_STAMPED, FLAT, SHORT}
    for source in (ALIGNED, AS_STAMPED):
        levels = estimates[estimates.source == source].set_index("date_utc").hashrate_eh_s
        for offset in (-1, 0, 1):
            second = _changes(levels).shift(-offset, freq="D")
            both = pd.concat([first, second], axis=1, join="inner").dropna()
            row = found.loc[(source, offset)]
            assert row.n_days == len(both) > 500
            expected = np.corrcoef(both.to_numpy().T)[0, 1]
            assert row.change_correlation == pytest.approx(expected, rel=1e-9)
    assert found.loc[(ALIGNED, 0)].change_correlation > 0.97
    assert found.loc[(AS_STAMPED, 0)].change_correlation < 0
    assert found.loc[(AS_STAMPED, 1)].change_correlation > 0.97
    assert pd.isna(found.loc[(FLAT, 0)].change_correlation)
    assert not found.loc[(FLAT, 0)].is_independent


def test_levels_too_correlate_worse_before_the_shift(
    marts: duckdb.DuckDBPyConnection, estimates: pd.DataFrame
) -> None:
    """Over one year, as published comparisons have it: 0.998 after the shift, 0.72 before."""
    network = marts.sql("select * from raw.network_metrics").df().set_index("date_utc")
    year = network.hashrate_eh_s.loc["2024-07-01":"2025-06-30"]
    drawn = {
        source: year.corr(rows.set_index("date_utc").hashrate_eh_s.reindex(year.index))
        for source, rows in estimates.groupby("source")
    }
    assert drawn[ALIGNED] > 0.99
    assert drawn[AS_STAMPED] < 0.9


def test_the_check_names_the_sources_that_are_off_and_spares_short_ones(
    findings: Callable[[str], list[dict]], estimates: pd.DataFrame
) -> None:
    rows = {row["source"]: row for row in findings("hashrate_sources_are_aligned")}
    assert set(rows) == {AS_STAMPED, FLAT}
    assert rows[AS_STAMPED]["correlation_a_day_later"] > 0.97
    assert rows[FLAT]["correlation_as_stored"] is None


def test_freshness_is_asked_of_every_second_source(
    findings: Callable[[str], list[dict]],
    marts: duckdb.DuckDBPyConnection,
    estimates: pd.DataFrame,
) -> None:
    marts.execute(
        "delete from raw.network_metrics_second_source "
        f"where source = '{ALIGNED}' and date_utc > '2025-08-20'"
    )
    late = [row for row in findings("series_reach_newest_session") if row["series_name"] == ALIGNED]
    assert [row["last_date"] for row in late] == [date(2025, 8, 20)]

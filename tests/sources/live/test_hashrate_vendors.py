"""mempool.space and blockchain.com: one quantity in two units, under two ideas of a day."""

from __future__ import annotations

import copy
import csv
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.mempool import MempoolSpace
from tests.sources.live.scripted_client import (
    TABLES,
    ScriptedClient,
    always,
    body_of,
    days,
    rows,
    window,
)

TABLE = TABLES["network_metrics_second_source"]
MEMPOOL = body_of("mempool/hashrate_3m.json")
CHART = body_of("blockchain_com/hash_rate.json")
DAYS = window("2025-03-17", "2025-03-26")
VENDORS = {"mempool.space": (MempoolSpace, MEMPOOL), "blockchain.com": (BlockchainCom, CHART)}


def ask(vendor: Any, script: Any, wanted=DAYS, **client: Any):
    scripted = ScriptedClient(script if callable(script) else always(script), **client)
    return vendor(scripted).fetch(TABLE, "BTC", wanted), scripted


def mempool(script: Any, wanted=DAYS, **client: Any):
    return ask(MempoolSpace, script, wanted, **client)


def chart(script: Any, wanted=DAYS, **client: Any):
    return ask(BlockchainCom, script, wanted, **client)


def changed(body: Any, change: Any) -> Any:
    copied = copy.deepcopy(body)
    change(copied)
    return copied


def network() -> dict[str, float]:
    with (BUNDLED_DATA_DIR / "snapshot" / "network_daily.csv").open(encoding="utf-8") as file:
        return {row["date_utc"]: float(row["hashrate_eh_s"]) for row in csv.DictReader(file)}


def test_mempool_stamps_the_day_after_and_counts_beyond_two_to_the_63():
    assert min(row["avgHashrate"] for row in MEMPOOL["hashrates"]) > 2**63
    answer, _ = mempool(MEMPOOL)
    assert days(answer) == [f"2025-03-{n}" for n in range(17, 27)]
    assert [str(day) for day in answer.columns["stamped_date"]] == [
        f"2025-03-{n}" for n in range(18, 28)
    ]
    assert set(answer.columns["is_independent"]) == {True}
    for row in rows(answer):
        assert row["hashrate_eh_s"] == pytest.approx(network()[str(row["date_utc"])], rel=0.005)
    assert rows(answer)[0]["hashrate_eh_s"] == pytest.approx(777.375501000123456789, rel=1e-15)
    assert answer.complete


def test_blockchain_com_is_in_th_s_and_never_independent():
    answer, client = chart(CHART)
    for row in rows(answer):
        assert row["hashrate_eh_s"] == pytest.approx(network()[str(row["date_utc"])], rel=1e-6)
        assert row["stamped_date"] == row["date_utc"]
        assert row["is_independent"] is False
    assert answer.complete
    assert client.asked == [
        (
            "blockchain_com",
            "/charts/hash-rate",
            {"start": "2025-03-17", "timespan": "10days", "format": "json", "sampled": "false"},
        )
    ]


def _stretches(reach: dict[str, str]):
    """mempool.space with answers that begin on these stamped days."""

    def script(path: str, params: Any) -> Any:
        first = date.fromisoformat(reach[path.rpartition("/")[2]])
        stamps = range(
            int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()),
            int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()),
            86_400,
        )
        return {"hashrates": [{"timestamp": s, "avgHashrate": 8 * 10**20} for s in stamps]}

    return script


REACH = {"3m": "2026-08-22", "1y": "2025-11-22", "3y": "2023-11-22", "all": "2009-01-10"}


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (window("2026-10-01", "2026-11-20"), ["3m"]),
        (window("2026-03-01", "2026-11-20"), ["1y"]),
        (window("2026-03-01", "2026-03-31"), ["3m", "1y"]),
        (window("2024-01-01", "2026-11-20"), ["3y"]),
        (window("2020-01-01", "2020-01-31"), ["3m", "1y", "3y", "all"]),
        (window("2010-01-01", "2026-11-20"), ["all"]),
    ],
)
def test_mempool_is_asked_for_the_shortest_stretch_that_holds_the_window(wanted, asked):
    answer, client = mempool(_stretches(REACH), wanted)
    assert [path.rpartition("/")[2] for _, path, _ in client.asked] == asked
    assert len(days(answer)) == (wanted.end - wanted.start).days + 1
    assert answer.complete


def test_days_before_the_first_estimate_are_a_hole_that_shows():
    answer, _ = mempool(
        _stretches({**REACH, "all": "2009-01-10"}), window("2009-01-05", "2009-01-12")
    )
    assert days(answer)[0] == "2009-01-09"
    assert answer.notes == ("mempool.space: 4 days missing (2009-01-05 to 2009-01-08)",)


@pytest.mark.parametrize("vendor", VENDORS)
def test_days_that_are_not_over_or_have_not_begun(vendor):
    kind, body = VENDORS[vendor]
    answer, _ = ask(kind, body, at=datetime(2025, 3, 25, 12, tzinfo=UTC))
    assert days(answer)[-1] == "2025-03-24"
    assert "2025-03-26: the day lies in the future" in answer.notes[0]
    assert not answer.complete


@pytest.mark.parametrize("vendor", VENDORS)
def test_order_and_repeats_mean_nothing_but_contradictions_do(vendor):
    kind, body = VENDORS[vendor]
    name = "hashrates" if vendor == "mempool.space" else "values"
    figure = "avgHashrate" if vendor == "mempool.space" else "y"
    turned = {**body, name: [body[name][4], *reversed(body[name])]}
    assert ask(kind, turned)[0].columns == ask(kind, body)[0].columns
    other = {**body[name][4], figure: body[name][4][figure] + 10**17}
    answer, _ = ask(kind, {**body, name: [other, *body[name]]})
    assert "2025-03-21" not in days(answer)
    assert "contradict" in answer.notes[0]


BAD_FIGURES = [
    (None, "missing"),
    ("", "no number"),
    ({}, "no number"),
    (False, "no number"),
    (0, "hashrate_eh_s is 0"),
    (-1, "hashrate_eh_s is -"),
    (10**400, "too large"),
    (10**60, "hashrate_eh_s is 1e+"),
]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(("figure", "said"), BAD_FIGURES)
def test_a_figure_that_cannot_be_believed_is_left_out_and_named(vendor, figure, said):
    kind, body = VENDORS[vendor]
    bad = changed(
        body,
        lambda b: (
            b["hashrates"][4].update(avgHashrate=figure)
            if vendor == "mempool.space"
            else b["values"][4].update(y=figure)
        ),
    )
    answer, _ = ask(kind, bad)
    assert "2025-03-21" not in days(answer)
    assert len(days(answer)) == 9
    assert not answer.complete
    assert said in answer.notes[0]
    assert answer.notes[1] == f"{vendor}: 1 days missing (2025-03-21)"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("stamp", [None, "2025-03-21", 1742515201, -1, 10**12])
def test_a_stamp_that_is_no_day_is_left_out_and_named(vendor, stamp):
    kind, body = VENDORS[vendor]
    bad = changed(
        body,
        lambda b: (
            b["hashrates"][4].update(timestamp=stamp)
            if vendor == "mempool.space"
            else b["values"][4].update(x=stamp)
        ),
    )
    answer, _ = ask(kind, bad)
    assert len(days(answer)) == 9
    assert "1 rows left out" in answer.notes[0]


@pytest.mark.parametrize("vendor", VENDORS)
def test_one_figure_in_another_unit_is_found_by_its_neighbours(vendor):
    kind, body = VENDORS[vendor]
    bad = changed(
        body,
        lambda b: (
            b["hashrates"][4].update(avgHashrate=8 * 10**22)
            if vendor == "mempool.space"
            else b["values"][4].update(y=8e10)
        ),
    )
    answer, _ = ask(kind, bad)
    assert days(answer) == [f"2025-03-{n}" for n in (17, 18, 19, 20, 22, 23, 24, 25, 26)]
    assert "among others" in answer.notes[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        [],
        {},
        {"hashrates": None},
        {"hashrates": [1]},
        {"hashrates": [{"timestamp": 1742256000}]},
        {"hashrates": [{"timestamp": None, "avgHashrate": None}]},
        "Too many requests",
    ],
)
def test_another_shape_of_mempool_is_refused(body):
    with pytest.raises(SourceError):
        mempool(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        [],
        {},
        {**CHART, "status": "error"},
        {**CHART, "unit": "Hash Rate GH/s"},
        {**CHART, "unit": None},
        {**CHART, "period": "minute"},
        {**CHART, "values": {}},
        {**CHART, "values": [1]},
        {**CHART, "values": [{"x": 1742256000}]},
        {**CHART, "values": [{"x": None, "y": None}]},
    ],
)
def test_another_shape_of_a_chart_is_refused(body):
    with pytest.raises(SourceError):
        chart(body)


@pytest.mark.parametrize("vendor", VENDORS)
def test_another_table_is_refused(vendor):
    kind, body = VENDORS[vendor]
    client = ScriptedClient(always(body))
    with pytest.raises(SourceError, match="has no"):
        kind(client).fetch(TABLES["network_metrics"], "BTC", DAYS)

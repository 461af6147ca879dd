"""Every page, drawn without a browser: what stands there, and what a wrong address gets."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from .conftest import MANIFEST, Draw

PAGES = ("event", "exposure", "mining", "scenarios", "claims", "data")


def _said(page: AppTest) -> str:
    kinds = (
        "title",
        "subheader",
        "markdown",
        "caption",
        "html",
        "warning",
        "info",
        "error",
        "code",
    )
    return "\n".join(
        str(getattr(element, "value", None) or getattr(element.proto, "body", ""))
        for kind in kinds
        for element in page.get(kind)
    )


def _box(page: AppTest, label: str):
    (found,) = (box for box in page.selectbox if box.label == label)
    return found


def _figure(page: AppTest, label: str) -> str:
    (found,) = (metric for metric in page.metric if metric.label == label)
    return found.value.replace("\\", "")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_stands_whole_with_definitions_and_downloads(draw: Draw, name: str) -> None:
    page = draw(name)
    assert not page.exception
    assert not page.error
    assert not page.warning
    said = _said(page)
    assert MANIFEST["publication_id"] in said
    assert "nan" not in said.lower().split()
    assert "None" not in said.split()
    saved = [button.label for button in page.get("download_button")]
    assert saved.count("Data as CSV") == saved.count("Data as Parquet") > 0
    assert said.count("<h4>SQL</h4>") == saved.count("Data as CSV")
    charts = page.get("vega_lite_chart")
    assert saved.count("Chart with its data (Vega-Lite)") == len(charts)
    assert (len(charts) > 0) == (name not in {"claims", "data"})


def test_the_event_page_tells_what_happened(draw: Draw) -> None:
    page = draw("event")
    said = _said(page)
    assert "On the event session the 6 firms moved -2.7% on average" in said
    assert "priced from the close of 2025-03-25 to the close of 2025-03-26" in said
    assert "−11.9%" in said  # Core Scientific
    assert "590 MW" in said
    assert "not known" in said  # Hut 8's megawatts
    assert _figure(page, "Firms, abnormal (mean)") == "−2.7%"
    assert _figure(page, "QQQ that session") == "−1.8%"
    assert (
        said.index("portfolio_t</th>")
        < said.index('class="first-of-rest"')
        < said.index(">bmp</th>")
    )


def test_a_choice_goes_into_the_address_and_comes_back_from_it(draw: Draw) -> None:
    page = draw("event")
    assert dict(page.query_params) == {}
    _box(page, "Firms").select("miners").run()
    assert page.query_params["group"] == "miners"
    assert "the 11 firms moved -3.7%" in _said(page)
    shared = draw("event", event="deepseek-shock", group="miners", window="[-1,1]")
    assert not shared.warning
    assert _box(shared, "Event").value == "deepseek-shock"
    assert _box(shared, "Days").value == "[-1,1]"
    # Back to what is shown first: the address is short again.
    _box(page, "Firms").select("focal").run()
    assert "group" not in page.query_params


@pytest.mark.parametrize(
    ("page", "address"),
    [
        (
            "event",
            {
                "event": "' or 1=1 --",
                "group": "<script>alert(1)</script>",
                "window": "![x](http://example.org/x.png)",
                "model": "x" * 5000,
            },
        ),
        ("exposure", {"day": "1999-01-01", "metric": "$x$", "kind": ":red[x]"}),
        ("mining", {"since": "2999-12-31", "span": "31", "measure": "", "miner": "`x`"}),
        (
            "scenarios",
            {
                "vaneck_2024.discount_rate_pct": "nan",
                "vaneck_2024.pue": "zero",
                "vaneck_2024.margin_pct": "1e99",
                "as_of": "yesterday",
            },
        ),
        ("claims", {"claim": "../../etc/passwd", "verdict": "HOLDS"}),
        ("data", {"table": "raw.equity_prices"}),
    ],
)
def test_a_hostile_address_is_refused_politely(
    draw: Draw, page: str, address: dict[str, str]
) -> None:
    drawn = draw(page, **address)
    assert not drawn.exception
    assert not drawn.error
    assert len(drawn.warning) == len(address)
    for warning in drawn.warning:
        assert "not to be had here" in warning.value
        asked = warning.value.split("“")[1].split("”")[0]
        assert not set("<>![]()'$`:/") & set(asked)
        assert len(asked) <= 40
    assert dict(drawn.query_params) == {}


def test_an_unknown_event_of_the_future_is_not_a_zero(draw: Draw) -> None:
    page = draw("event", event="aligned-40bn")
    assert not page.exception
    said = _said(page)
    assert "The prices end before this news" in said
    assert "no firm has a return" in said
    assert _figure(page, "Firms, abnormal (mean)") == "not known"


def test_exposure_as_known_on_another_day(draw: Draw) -> None:
    said = _said(draw("exposure", day="2024-07-01"))
    assert "AI contracts as known on 2024-07-01" in said
    assert "CoreWeave" in said
    assert "$8.7bn" not in said  # announced in February 2025


def test_sliders_change_the_value_and_nothing_else(draw: Draw) -> None:
    page = draw("scenarios")
    assert _figure(page, "Value per converted MW, yours") == "$9.8m"
    (rate,) = (s for s in page.slider if s.label.startswith("Discount rate"))
    rate.set_value(20.0).run()
    assert page.query_params["vaneck_2024.discount_rate_pct"] == "20"
    assert _figure(page, "as published") == "$9.8m"
    changed = _figure(page, "Value per converted MW, yours")
    assert changed == "$5.4m"
    assert _figure(draw("scenarios", **{"vaneck_2024.discount_rate_pct": "20"}),
                   "Value per converted MW, yours") == changed  # fmt: skip


def test_a_choice_wins_over_the_address_of_the_moment_before(draw: Draw) -> None:
    """Keys come faster than a page is drawn: a run is then told of the address of an older one."""
    page = draw("scenarios")
    name = "vaneck_2024.discount_rate_pct"
    for rate, address in ((13.0, None), (13.5, "12.5"), (14.0, "13"), (14.5, "13.5")):
        if address is not None:
            page.query_params[name] = address
        (slider,) = (s for s in page.slider if s.label.startswith("Discount rate"))
        slider.set_value(rate).run()
        (slider,) = (s for s in page.slider if s.label.startswith("Discount rate"))
        assert slider.value == rate
        assert page.query_params[name] == f"{rate:g}"
    # Who then goes back in the browser is shown what the address says.
    page.query_params[name] = "13"
    page.run()
    (slider,) = (s for s in page.slider if s.label.startswith("Discount rate"))
    assert slider.value == 13.0


def test_claims_by_verdict_and_one_by_one(draw: Draw) -> None:
    page = draw("claims", verdict="fails", claim="halving-this-year")
    said = _said(page)
    assert "✘ fails — Fails: year of the latest halving" in said
    assert "✔ holds</td>" not in said


def test_the_data_page_says_what_is_not_known(draw: Draw, output_dir: Path) -> None:
    said = _said(draw("data"))
    assert "price_sources_agree" in said
    assert "no rows" in said
    assert "marts.selloff_summary" in said


def test_nothing_published_is_one_message(draw: Draw, tmp_path: Path) -> None:
    page = draw("event", of=tmp_path)
    assert not page.exception
    assert [title.value for title in page.title] == ["Nothing to show yet"]
    assert "make run" in _said(page)


def test_a_publication_of_older_code_shows_what_it_has(
    draw: Draw, output_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "published").mkdir()
    older = tmp_path / "published" / "miner_marts.duckdb"
    shutil.copy(output_dir / "published" / "miner_marts.duckdb", older)
    with duckdb.connect(str(older)) as connection:
        connection.execute("drop table marts.fct_selloff_path")
    page = draw("event", of=tmp_path)
    assert not page.exception
    assert len(page.error) == 1
    said = _said(page)
    assert "publish anew with 'make run'" in said
    assert "kolari_pynnonen" in said, "the sections after it"


def test_a_new_publication_is_shown(draw: Draw, output_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    database = tmp_path / "published" / "miner_marts.duckdb"
    shutil.copy(output_dir / "published" / "miner_marts.duckdb", database)
    page = draw("claims", of=tmp_path)
    first = _said(page)
    with duckdb.connect(str(database)) as connection:
        connection.execute("update marts.fct_claim_checks set verdict = 'holds'")
    page.run()
    assert "✘ fails" in first
    assert "✘ fails" not in _said(page)
    assert [toast.value for toast in page.toast] == [
        "A new publication appeared; the figures are of it."
    ]

"""Figures as people read them; what is not known says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dagster_project.dashboard import words
from dagster_project.dashboard.view import html_table


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA, np.float64("nan")])
def test_what_is_missing_is_not_known_and_never_zero(missing: object) -> None:
    forms = (words.change, words.share, words.p_value, words.usd, words.megawatts, words.count)
    assert {form(missing) for form in (*forms, words.text, words.decimal(2))} == {"not known"}
    assert words.written("hpc_contracted_mw", missing) == "not known"
    assert words.written("anything", missing) == "not known"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("raw_return", -0.1189, "−11.9%"),
        ("raw_return", -0.0, "+0.0%"),
        ("hpc_mw_share", 0.4538, "45.4%"),
        ("p_two_sided", 0.0004, "below 0.001"),
        ("p_two_sided", 0.1149, "0.115"),
        ("close_usd", 7.63, "$7.63"),
        ("npv_usd", -3.775e9, "−$3.8bn"),
        ("capex_usd", 7.5e6, "$7.5m"),
        ("price_usd", 108316.4, "$108,316"),
        ("hpc_contracted_mw", 0.0, "0 MW"),
        ("hashprice_usd_ph", 52.884, "52.88"),
        ("n_firms", 6, "6"),
        ("value", 3.125, "3.125"),
        ("is_headline", True, "yes"),
        ("t0", pd.Timestamp("2025-03-26"), "2025-03-26"),
        ("known_at", pd.Timestamp("2025-03-26 13:30"), "2025-03-26 13:30 UTC"),
    ],
)
def test_a_value_is_written_with_its_unit(column: str, value: object, said: str) -> None:
    assert words.written(column, value) == said


def test_plain_words_stay_plain() -> None:
    said = words.plain("$5.75 bid & $9bn ![x](http://a.b) <b> :red[x] `c` *d*")
    assert "\\$5.75" in said
    assert "\\!\\[x\\]\\(http\\:" in said
    assert "\\<b\\>" in said


def test_a_table_escapes_what_it_holds_and_links_only_to_pages() -> None:
    frame = pd.DataFrame(
        {
            "name": ["<script>x</script>", "b"],
            "source_url": ["javascript:alert(1)", "https://www.sec.gov/a?b=1&c=2"],
            "raw_return": [None, -0.05],
        }
    )
    made = html_table(frame, 'A "caption"')
    assert "<script>" not in made
    assert 'href="javascript' not in made
    assert 'href="https://www.sec.gov/a?b=1&amp;c=2"' in made
    assert ">sec.gov</a>" in made
    assert "not known" in made
    assert 'scope="col"' in made
    assert 'scope="row"' in made
    assert "<caption>A &quot;caption&quot;</caption>" in made

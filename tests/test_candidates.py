"""Rows for the ledger from candidate filings, and how far a program may fill them in."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.candidates import (
    LEDGER,
    csv_lines,
    ledger_columns,
    open_candidates,
    remark_lines,
)
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import PROJECT_DIR, Settings, read_settings
from dagster_project.sources.csv_file import read_csv

COLUMNS = (
    "ticker, accession, company, form, items, filed_date, known_date, status, matched_terms, "
    "suggested_kind, amount_usd_candidates, power_mw_candidates, power_basis_candidates, "
    "excerpt, document_url, ledger_announcement_id, n_ledger_announcements_near"
)
URL = "https://www.sec.gov/Archives/edgar/data/1/x.htm"
FILINGS = f"""
    ('AAA', '0000000001-25-000001', 'Alpha, Inc.', '8-K', '1.01', date '2025-03-05',
     date '2025-03-05', 'figures_found', 'critical IT load', 'hpc_contract', '3500000000', '200',
     'critical_it', 'a "great" contract', '{URL}', null, 0),
    ('AAA', '0000000001-25-000002', 'Alpha, Inc.', '8-K', null, date '2025-02-05',
     date '2025-02-05', 'figures_found', 'MW', null, '1000000;2000000', '9;100.5',
     'gross;unknown', null, '{URL}', null, 2),
    ('BF.B', '0000000002-25-000001', null, '6-K', null, date '2025-04-01', date '2025-04-01',
     'terms_found', 'MW', null, null, null, null, null, '{URL}', null, 0),
    ('AAA', '0000000001-25-000003', 'Alpha, Inc.', '8-K', null, date '2025-03-06',
     date '2025-03-06', 'figures_found', 'MW', null, '5000000', null, null, null, '{URL}',
     'alpha-1', 1),
    ('AAA', '0000000001-25-000004', 'Alpha, Inc.', '8-K', null, date '2025-03-07',
     date '2025-03-07', 'listed', null, null, null, null, null, null, '{URL}', null, 0),
    ('AAA', '0000000001-25-000005', 'Alpha, Inc.', '8-K', null, date '2025-03-08',
     date '2025-03-08', 'unread', null, null, null, null, null, null, '{URL}', null, 0)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder whose published file holds six candidates, three of them open."""
    settings = read_settings({"MINER_DATA_DIR": str(tmp_path)})
    settings.published_dir.mkdir(parents=True)
    with duckdb.connect(str(settings.published_path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.fct_filing_candidates as from (values {FILINGS}) as t({COLUMNS})"
        )
    return settings


def test_open_candidates_are_those_with_a_phrase_that_the_ledger_lacks(settings):
    candidates = open_candidates(settings)
    assert [candidate.row["announcement_id"] for candidate in candidates] == [
        "bf-b-0000000002-25-000001",
        "aaa-0000000001-25-000001",
        "aaa-0000000001-25-000002",
    ]


def test_a_single_figure_is_filled_in_and_several_are_left_to_the_person(settings):
    none, single, several = open_candidates(settings)
    assert (single.row["value_usd"], single.row["power_mw"], single.row["power_basis"]) == (
        "3500000000",
        "200",
        "critical_it",
    )
    assert single.row["kind"] == "hpc_contract"
    for candidate in (none, several):
        assert {"value_usd", "power_mw", "power_basis"}.isdisjoint(candidate.row)
        assert candidate.row["kind"] == ""
        assert any("kind: write one" in remark for remark in candidate.remarks)
    assert "1,000,000 USD; 2,000,000 USD; 9 MW (gross); 100.5 MW (unknown)" in several.remarks[1]
    assert any("2 announcements of this company within a week" in r for r in several.remarks)


def test_since_and_ticker_narrow_them(settings):
    assert len(open_candidates(settings, since=date(2025, 3, 1))) == 2
    assert len(open_candidates(settings, ticker="AAA")) == 2
    assert len(open_candidates(settings, since=date(2025, 3, 1), ticker="AAA")) == 1


def test_a_row_with_a_kind_is_accepted_by_the_ledger_and_one_without_is_not(settings, tmp_path):
    columns = list(LEDGER.column_names)
    path = tmp_path / "announcements.csv"
    _, single, several = open_candidates(settings)
    path.write_text(",".join(columns) + "\n" + csv_lines([single], columns))
    ledger, lines = read_csv(path, LEDGER, shown="announcements.csv")
    assert lines == [2]
    assert ledger["company"] == ["Alpha, Inc."]
    assert ledger["known_at"] == [date(2025, 3, 5)]
    assert ledger["value_usd"] == [3.5e9]
    path.write_text(",".join(columns) + "\n" + csv_lines([several], columns))
    with pytest.raises(WarehouseProjectError, match="cannot be read") as refused:
        read_csv(path, LEDGER, shown="announcements.csv")
    assert "column kind: empty, but a value is required" in refused.value.where


def test_rows_follow_the_columns_of_the_users_own_file(settings):
    assert ledger_columns(settings) == list(LEDGER.column_names)
    ledger = settings.data_dir / "ledger"
    ledger.mkdir()
    (ledger / "announcements.csv").write_text("\ufeffticker, kind,source_url\n")
    columns = ledger_columns(settings)
    assert columns == ["ticker", "kind", "source_url"]
    assert csv_lines(open_candidates(settings)[1:2], columns) == f"AAA,hpc_contract,{URL}\n"


def test_nothing_to_judge_is_said(settings):
    assert "No filing waits" in remark_lines([], [])[0]
    assert csv_lines([], ["ticker"]) == ""


def test_without_a_publication_it_says_what_to_do(tmp_path):
    with pytest.raises(WarehouseProjectError, match="Nothing is published") as refused:
        open_candidates(read_settings({"MINER_DATA_DIR": str(tmp_path)}))
    assert "make run" in refused.value.mend


def test_a_publication_from_before_is_named_so(tmp_path):
    settings = read_settings({"MINER_DATA_DIR": str(tmp_path)})
    settings.published_dir.mkdir(parents=True)
    duckdb.connect(str(settings.published_path)).close()
    with pytest.raises(WarehouseProjectError, match="older than the candidates"):
        open_candidates(settings)


def test_the_command_prints_rows_apart_from_remarks(settings):
    done = subprocess.run(
        [sys.executable, "-m", "dagster_project", "candidates", "--ticker", "AAA"],
        cwd=PROJECT_DIR,
        env={"MINER_DATA_DIR": str(settings.data_dir), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert [len(row) for row in rows] == [len(LEDGER.columns)] * 2
    assert done.stderr.startswith("2 filings may announce something.")
    assert 'a "great" contract' in done.stderr

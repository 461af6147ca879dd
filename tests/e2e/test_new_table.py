"""A new table by the steps of CONTRIBUTING.md, in a copy of the project: nothing else is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.warehouse_builder import command_environment

from .conftest import PROJECT_DIR

pytestmark = pytest.mark.slow

# "A new raw table": a Table in the contracts ...
CONTRACT = """

ETF_FLOWS = Table(
    name="etf_flows",
    file="snapshot/etf_flows.csv",
    description="Net flows of the bitcoin funds listed in the United States.",
    grain="one row per session and fund",
    key=("date", "fund"),
    time_column="date",
    columns=(
        Column("date", Kind.DATE, "New York session.", required=True),
        Column("fund", Kind.TEXT, "Symbol of the fund.", required=True),
        Column("net_flow_usd", Kind.NUMBER, "Shares created less redeemed, USD.", required=True),
    ),
)
TABLES = (*TABLES, ETF_FLOWS)
BY_NAME = {table.name: table for table in TABLES}
"""
FIGURES = """date,fund,net_flow_usd
2025-03-25,IBIT,42000000
2025-03-25,FBTC,-2000000
2025-03-26,IBIT,0
"""
# ... a staging model of the same name ...
STAGING = """-- Grain: one row per session and fund.
with

source as (

    select * from {{ source('raw', 'etf_flows') }}

),

renamed as (

    select
        date as session_date,
        fund,
        net_flow_usd
    from source

)

select * from renamed
"""
STAGING_YML = """version: 2
models:
  - name: stg_etf_flows
    description: One row per session and fund, what flowed into the fund.
"""
# ... and "A new mart" with contract, descriptions and a unit test.
MART = """-- Grain: one row per session.
with

flows as (

    select * from {{ ref('stg_etf_flows') }}

),

final as (

    select
        session_date,
        count(*) as n_funds,
        sum(net_flow_usd) as net_flow_usd
    from flows
    group by session_date

)

select * from final
"""
MART_YML = """version: 2
models:
  - name: fct_etf_flows
    description: One row per session, net flows of all bitcoin funds.
    config:
      contract: {enforced: true}
    constraints:
      - type: primary_key
        columns: [session_date]
    columns:
      - name: session_date
        data_type: date
        description: New York session.
        constraints: [{type: not_null}]
      - name: n_funds
        data_type: bigint
        description: Funds with a figure on that session.
      - name: net_flow_usd
        data_type: double
        description: Shares created less redeemed over all funds, USD.
unit_tests:
  - name: flows_of_a_session_are_added
    model: fct_etf_flows
    given:
      - input: ref('stg_etf_flows')
        rows:
          - {session_date: 2025-01-02, fund: A, net_flow_usd: 5}
          - {session_date: 2025-01-02, fund: B, net_flow_usd: -7}
    expect:
      rows:
        - {session_date: 2025-01-02, n_funds: 2, net_flow_usd: -2}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked part of the project that a run needs."""
    made = tmp_path_factory.mktemp("copy") / "project"
    unneeded = shutil.ignore_patterns("__pycache__", "target", "logs")
    for folder in ("dagster_project", "dbt", "data/ledger", "data/snapshot", "data/study"):
        shutil.copytree(PROJECT_DIR / folder, made / folder, ignore=unneeded)
    for file in ("pyproject.toml", "workspace.yaml", "data/README.md"):
        shutil.copy(PROJECT_DIR / file, made / file)
    return made


def _call(copy: Path, *command: str) -> str:
    """What a command prints, run in the copy as in a clone."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=command_environment(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _write(copy: Path, path: str, text: str) -> None:
    (copy / path).parent.mkdir(parents=True, exist_ok=True)
    (copy / path).write_text(text)


def test_a_new_table_is_loaded_built_checked_and_published(copy: Path) -> None:
    contracts = copy / "dagster_project" / "contracts" / "tables.py"
    contracts.write_text(contracts.read_text() + CONTRACT)
    _write(copy, "data/snapshot/etf_flows.csv", FIGURES)
    _call(copy, "-m", "dagster_project.contracts.documentation")  # make contracts
    _write(copy, "dbt/models/staging/stg_etf_flows.sql", STAGING)
    _write(copy, "dbt/models/staging/stg_etf_flows.yml", STAGING_YML)
    _write(copy, "dbt/models/marts/flows/fct_etf_flows.sql", MART)
    _write(copy, "dbt/models/marts/flows/fct_etf_flows.yml", MART_YML)
    _call(copy, "-m", "dagster_project.contracts.documentation")  # the mart has come since

    printed = _call(copy, "-m", "dagster_project", "run")

    assert "etf_flows" in printed
    assert ", 0 failed" in printed
    published = copy / "data" / "published"
    with duckdb.connect(str(published / "miner_marts.duckdb"), read_only=True) as marts:
        rows = marts.execute("from marts.fct_etf_flows order by session_date").fetchall()
        (comment,) = marts.execute(
            "select comment from duckdb_columns() "
            "where table_name = 'fct_etf_flows' and column_name = 'n_funds'"
        ).fetchall()
    assert [row[1:] for row in rows] == [(2, 40e6), (1, 0.0)]
    assert comment == ("Funds with a figure on that session.",)
    assert (published / "parquet" / "fct_etf_flows.parquet").exists()
    manifest = json.loads((published / "manifest.json").read_text())
    assert "fct_etf_flows" in {table["name"] for table in manifest["tables"]}
    # What the step wrote for people and for dbt.
    assert "### etf_flows" in (copy / "data" / "README.md").read_text()
    assert "name: etf_flows" in (copy / "dbt/models/staging/sources.yml").read_text()

"""Grain: one row per ticker, session from its first price to its last, and window length."""

from dagster_project.transform import study_tables


def model(dbt, session):
    return study_tables.rolling_beta_table(
        equity_returns=dbt.ref("int_equity_returns"),
        bitcoin_returns=dbt.ref("int_bitcoin_returns"),
        sessions=dbt.ref("int_sessions"),
        basket_members=dbt.ref("int_basket_members"),
        windows=dbt.ref("stg_study_rolling_windows"),
    )

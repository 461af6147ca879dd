"""Grain: one row per scan and session from the first price to the last."""

from dagster_project.transform import study_tables


def model(dbt, session):
    study = study_tables.Study(
        equity_returns=dbt.ref("int_equity_returns"),
        factor_returns=dbt.ref("int_factor_returns"),
        sessions=dbt.ref("int_sessions"),
        firms=dbt.ref("int_study_firms"),
        models=dbt.ref("int_study_models"),
        windows=dbt.ref("int_study_windows"),
        parameters=dbt.ref("int_study_parameters"),
        events=dbt.ref("int_events"),
        named_firms=dbt.ref("int_event_named_firms"),
    )
    return study.scanned_days(
        scans=dbt.ref("stg_study_scans"),
        group_members=dbt.ref("int_study_group_members"),
    )

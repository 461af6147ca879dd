"""Grain: one row per event with prices, firm, model and session around the event."""

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
    return study.daily()

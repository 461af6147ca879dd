-- Grain: one row per scan and session from the first price to the last.
with

scans as (

    select * from {{ ref('stg_study_scans') }}

),

models as (

    select * from {{ ref('int_study_models') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

data_bounds as (

    select
        min(session_number) as first_number,
        max(session_number) as last_number
    from {{ ref('int_equity_returns') }}

),

numbered as (

    -- To the macros of the event study a scanned session is what an event and a model are.
    select
        cast(
            row_number() over (order by scans.scan_id, sessions.session_number) as integer
        ) as panel_number,
        scans.scan_id,
        scans.group_id,
        models.model_id,
        sessions.session_date,
        sessions.session_number as t0_number,
        sessions.session_number + parameters.estimation_first_day as estimation_first_number,
        sessions.session_number + parameters.estimation_last_day as estimation_last_number,
        models.method,
        models.return_kind,
        models.leverage,
        models.n_factors,
        models.n_regressors,
        models.n_coefficients
    from scans
    inner join models on scans.model_id = models.model_id
    cross join parameters
    cross join data_bounds
    inner join sessions
        on
            sessions.session_number between data_bounds.first_number
            and data_bounds.last_number

)

select * from numbered

-- Grain: one row per event that has data and model.
with

events as (

    select * from {{ ref('int_events') }}
    where data_status = 'in_data'

),

models as (

    select * from {{ ref('int_study_models') }}

),

numbered as (

    select
        cast(
            row_number() over (order by events.event_id, models.model_id) as integer
        ) as panel_number,
        events.event_id,
        models.model_id,
        events.t0_number,
        events.estimation_first_number,
        events.estimation_last_number,
        models.method,
        models.return_kind,
        models.leverage,
        models.mask_other_events,
        models.n_factors,
        models.n_regressors,
        models.n_coefficients
    from events
    cross join models

)

select * from numbered

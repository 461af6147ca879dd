-- Grain: one row per occasion, firm and exposure metric known at the close before.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

events as (

    select * from {{ ref('int_events') }}

),

firms as (

    select * from {{ ref('int_study_firms') }}

),

exposure as (

    select * from {{ ref('fct_ai_exposure') }}

),

headline_window as (

    select window_sessions from {{ ref('stg_study_rolling_windows') }}
    where is_headline

),

tilts as (

    select
        betas.ticker,
        betas.session_date,
        betas.ai_tilt
    from {{ ref('int_rolling_betas') }} as betas
    inner join headline_window on betas.window_sessions = headline_window.window_sessions

),

known as (

    select
        occasions.occasion_id,
        firms.ticker,
        exposure.hpc_mw_share,
        exposure.hpc_contracted_mw
    from occasions
    inner join events on occasions.leading_event_id = events.event_id
    inner join exposure on events.previous_session = exposure.as_of_date
    inner join firms on exposure.ticker = firms.ticker

),

metrics as (

    select
        occasion_id,
        ticker,
        'hpc_mw_share' as metric,
        hpc_mw_share as metric_value
    from known
    where hpc_mw_share is not null
    union all
    select
        occasion_id,
        ticker,
        'hpc_contracted_mw' as metric,
        hpc_contracted_mw as metric_value
    from known
    where hpc_contracted_mw is not null
    union all
    -- What the market implied, by the prices up to the close before.
    select
        occasions.occasion_id,
        firms.ticker,
        'ai_tilt' as metric,
        tilts.ai_tilt as metric_value
    from occasions
    inner join events on occasions.leading_event_id = events.event_id
    inner join tilts on events.previous_session = tilts.session_date
    inner join firms on tilts.ticker = firms.ticker
    where tilts.ai_tilt is not null

)

select * from metrics

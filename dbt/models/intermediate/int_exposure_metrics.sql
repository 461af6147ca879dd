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

known as (

    select
        occasions.occasion_id,
        firms.firm_number,
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
        firm_number,
        ticker,
        'hpc_mw_share' as metric,
        hpc_mw_share as metric_value
    from known
    where hpc_mw_share is not null
    union all
    select
        occasion_id,
        firm_number,
        ticker,
        'hpc_contracted_mw' as metric,
        hpc_contracted_mw as metric_value
    from known
    where hpc_contracted_mw is not null

)

select * from metrics

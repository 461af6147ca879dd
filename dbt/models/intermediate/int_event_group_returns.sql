-- Grain: one row per event, group, model and session of the equal-weight portfolio.
with

members as (

    select * from {{ ref('int_event_group_members') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

study_returns as (

    select * from {{ ref('int_study_returns') }}

),

span as (

    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from {{ ref('int_study_windows') }}

),

portfolio as (

    -- The mean over the firms available that session: a firm listed later joins when it is there.
    select
        members.event_id,
        members.group_id,
        estimates.model_id,
        study_returns.session_number,
        members.t0_number,
        study_returns.session_number - members.t0_number as rel_day,
        study_returns.session_number between members.estimation_first_number
        and members.estimation_last_number as is_estimation,
        avg(study_returns.ret) as ret,
        any_value(study_returns.market_return) as market_return,
        count(*) as n_firms
    from members
    inner join estimates
        on members.event_id = estimates.event_id and members.ticker = estimates.ticker
    cross join span
    inner join study_returns
        on
            estimates.ticker = study_returns.ticker
            and estimates.model_id = study_returns.model_id
            and (
                study_returns.session_number between members.estimation_first_number
                and members.estimation_last_number
                or study_returns.session_number between members.t0_number + span.first_day
                and members.t0_number + span.last_day
            )
    group by all

)

select * from portfolio

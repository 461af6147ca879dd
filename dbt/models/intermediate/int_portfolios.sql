-- Grain: one row per portfolio: an occasion, group and model with at least one firm to hold.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

portfolios as (

    select
        cast(
            row_number() over (
                order by occasions.occasion_id, members.group_id, estimates.model_id
            ) as integer
        ) as portfolio_number,
        occasions.occasion_id,
        members.group_id,
        estimates.model_id,
        any_value(estimates.panel_number) as panel_number,
        list(estimates.firm_number order by estimates.firm_number) as firm_numbers
    from occasions
    inner join members on occasions.occasion_id = members.occasion_id
    inner join estimates
        on
            occasions.leading_event_id = estimates.event_id
            and members.ticker = estimates.ticker
    group by occasions.occasion_id, members.group_id, estimates.model_id

)

select * from portfolios

-- Grain: one row per event with data, model and pair of firms that share a group, one at least without every session.
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

firms as (

    select
        members.occasion_id,
        members.group_id,
        estimates.panel_number,
        estimates.firm_number,
        estimates.is_complete
    from members
    inner join occasions on members.occasion_id = occasions.occasion_id
    inner join estimates
        on
            occasions.leading_event_id = estimates.event_id
            and members.ticker = estimates.ticker

),

pairs as (

    -- Once per event, however many groups share the pair. Pairs that have every session need no
    -- row here: their mean follows from sums over the firms (int_sample_correlations).
    select distinct
        incomplete_firms.panel_number,
        least(incomplete_firms.firm_number, other_firms.firm_number) as left_firm_number,
        greatest(incomplete_firms.firm_number, other_firms.firm_number) as right_firm_number
    from firms as incomplete_firms
    inner join firms as other_firms
        on
            incomplete_firms.occasion_id = other_firms.occasion_id
            and incomplete_firms.group_id = other_firms.group_id
            and incomplete_firms.panel_number = other_firms.panel_number
            and incomplete_firms.firm_number <> other_firms.firm_number
    where not incomplete_firms.is_complete

)

select * from pairs

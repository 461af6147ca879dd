-- Grain: one row per event, group, model and window with at least one firm.
with

members as (

    select * from {{ ref('int_event_group_members') }}

),

windows as (

    select * from {{ ref('int_event_windows') }}
    where status = 'ok'

),

pairs as (

    select * from {{ ref('int_event_pair_correlations') }}
    where is_usable

),

included as (

    select
        members.event_id,
        members.group_id,
        members.ticker,
        windows.model_id,
        windows.window_id
    from members
    inner join windows
        on members.event_id = windows.event_id and members.ticker = windows.ticker

),

firm_counts as (

    select
        event_id,
        group_id,
        model_id,
        window_id,
        count(*) as n_firms
    from included
    group by event_id, group_id, model_id, window_id

),

averaged as (

    select
        left_firms.event_id,
        left_firms.group_id,
        left_firms.model_id,
        left_firms.window_id,
        avg(pairs.residual_correlation) as rbar,
        count(*) as n_pairs
    from included as left_firms
    inner join pairs
        on
            left_firms.event_id = pairs.event_id
            and left_firms.model_id = pairs.model_id
            and left_firms.ticker = pairs.left_ticker
    inner join included as right_firms
        on
            pairs.right_ticker = right_firms.ticker
            and left_firms.event_id = right_firms.event_id
            and left_firms.group_id = right_firms.group_id
            and left_firms.model_id = right_firms.model_id
            and left_firms.window_id = right_firms.window_id
    group by
        left_firms.event_id, left_firms.group_id, left_firms.model_id, left_firms.window_id

),

counted as (

    select
        firm_counts.event_id,
        firm_counts.group_id,
        firm_counts.model_id,
        firm_counts.window_id,
        averaged.rbar,
        coalesce(averaged.n_pairs, 0) as n_pairs,
        firm_counts.n_firms * (firm_counts.n_firms - 1) // 2 - coalesce(averaged.n_pairs, 0)
            as n_pairs_dropped
    from firm_counts
    left join averaged
        on
            firm_counts.event_id = averaged.event_id
            and firm_counts.group_id = averaged.group_id
            and firm_counts.model_id = averaged.model_id
            and firm_counts.window_id = averaged.window_id

)

select * from counted

-- Grain: one row per sample to test: an occasion, group, model and window.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

groups as (

    select group_id from {{ ref('stg_study_groups') }}

),

windows as (

    select * from {{ ref('int_study_windows') }}

),

panels as (

    select * from {{ ref('int_event_panels') }}

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

portfolios as (

    select * from {{ ref('int_portfolios') }}
    where portfolio_kind = 'equal_weight'

),

member_counts as (

    select
        occasion_id,
        group_id,
        count(*) as n_members
    from members
    group by occasion_id, group_id

),

samples as (

    select
        cast(
            row_number() over (
                -- `groups` also starts a window frame: the linter indents it as one.
                order by
                    occasions.occasion_id,
                    groups.group_id,  -- noqa: LT02
                    panels.model_id,
                    windows.window_id
            ) as integer
        ) as sample_number,
        occasions.occasion_id,
        occasions.leading_event_id,
        occasions.t0_number,
        groups.group_id,
        panels.model_id,
        windows.window_id,
        windows.n_days,
        panels.panel_number,
        panels.n_sessions,
        portfolios.portfolio_number,
        coalesce(member_counts.n_members, 0) as n_members
    from occasions
    cross join groups
    cross join windows
    inner join panels on occasions.leading_event_id = panels.event_id
    left join portfolios
        on
            occasions.occasion_id = portfolios.occasion_id
            and groups.group_id = portfolios.group_id
            and panels.model_id = portfolios.model_id
    left join member_counts
        on
            occasions.occasion_id = member_counts.occasion_id
            and groups.group_id = member_counts.group_id

)

select * from samples

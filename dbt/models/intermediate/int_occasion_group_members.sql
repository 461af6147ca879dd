-- Grain: one row per occasion, group and member ticker.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

groups as (

    select * from {{ ref('stg_study_groups') }}

),

fixed_members as (

    select * from {{ ref('int_study_group_members') }}

),

named as (

    select * from {{ ref('int_event_named_firms') }}

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

by_rule as (

    select
        occasions.occasion_id,
        fixed_members.group_id,
        fixed_members.ticker
    from occasions
    cross join fixed_members

),

by_news as (

    select
        occasions.occasion_id,
        groups.group_id,
        named.ticker
    from occasions
    cross join groups
    inner join named on array_contains(occasions.event_ids, named.event_id)
    inner join firms on named.ticker = firms.ticker
    where groups.rule_kind = 'named'

),

by_exposure as (

    -- What was known at the close before: a contract announced on the day must not sort the
    -- firms whose return it explains.
    select
        occasions.occasion_id,
        groups.group_id,
        firms.ticker
    from occasions
    inner join events on occasions.leading_event_id = events.event_id
    cross join groups
    inner join firms on firms.role = 'miner'
    left join exposure
        on firms.ticker = exposure.ticker and events.previous_session = exposure.as_of_date
    where
        groups.rule_kind = 'exposure'
        and groups.rule_value = case
            when exposure.hpc_contracted_mw > 0 then 'contracted'
            when exposure.hpc_contracted_mw = 0 then 'none_found'
            else 'unknown'
        end

),

members as (

    select * from by_rule
    union
    select * from by_news
    union
    select * from by_exposure

)

select * from members

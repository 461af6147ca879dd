-- Grain: one row per event and firm the news names, by ticker or through a group.
with

events as (

    select * from {{ ref('int_events') }}

),

companies as (

    select * from {{ ref('stg_companies') }}

),

members as (

    select * from {{ ref('int_study_group_members') }}

),

by_ticker as (

    select
        event_id,
        {{ each_value(parts_of('tickers_named')) }} as ticker
    from events

),

group_names as (

    select
        event_id,
        {{ each_value(parts_of('groups_named')) }} as group_name
    from events

),

by_role as (

    select
        group_names.event_id,
        companies.ticker
    from group_names
    inner join companies on group_names.group_name = companies.role

),

by_study_group as (

    select
        group_names.event_id,
        members.ticker
    from group_names
    inner join members on group_names.group_name = members.group_id

),

named as (

    select * from by_ticker
    where ticker <> ''
    union
    select * from by_role
    union
    select * from by_study_group

)

select * from named

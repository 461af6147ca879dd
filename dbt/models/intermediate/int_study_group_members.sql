-- Grain: one row per group and member ticker.
with

groups as (

    select * from {{ ref('stg_study_groups') }}

),

companies as (

    select * from {{ ref('stg_companies') }}

),

listed as (

    select distinct
        group_id,
        {{ each_value(parts_of('rule_value')) }} as ticker
    from groups
    where rule_kind = 'tickers'

),

by_rule as (

    select
        groups.group_id,
        companies.ticker
    from groups
    inner join companies
        on
            (groups.rule_kind = 'focal' and companies.is_focal)
            or (groups.rule_kind = 'role' and companies.role = groups.rule_value)
    where companies.role not in ('benchmark', 'bitcoin_proxy')

),

members as (

    -- A listed ticker that is no firm of the panel stays a member, so that the tests count it
    -- among the firms they had to drop.
    select
        group_id,
        ticker
    from listed
    where ticker <> ''
    union all
    select
        group_id,
        ticker
    from by_rule

)

select * from members

-- Grain: one row per ticker of the AI basket.
with

baskets as (

    select * from {{ ref('stg_study_baskets') }}
    where basket_id = 'ai'

),

companies as (

    select
        ticker,
        role
    from {{ ref('stg_companies') }}

),

listed as (

    select {{ each_value(parts_of('rule_value')) }} as ticker
    from baskets
    where rule_kind = 'tickers'

),

members as (

    select ticker
    from listed
    union
    select companies.ticker
    from companies
    inner join baskets on companies.role = baskets.rule_value
    where baskets.rule_kind = 'role'

)

select * from members
order by ticker

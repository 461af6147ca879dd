-- Grain: one row per ticker with prices and session on which the basket has a return without that ticker.
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

returns as (

    select * from {{ ref('int_equity_returns') }}

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

),

member_returns as (

    select
        returns.ticker,
        returns.session_number,
        returns.simple_return
    from returns
    inner join members on returns.ticker = members.ticker
    where returns.simple_return is not null

),

whole_basket as (

    -- Equal weights, taken anew each session over the members that have a return: one listed
    -- later joins with its first, and a hole of one does not move the others.
    select
        session_number,
        count(*) as n_basket_firms,
        avg(simple_return) as basket_return
    from member_returns
    group by session_number

),

basket_without_member as (

    -- A share in its own basket would explain itself. Averaged anew rather than by taking the
    -- member's return off the sum, whose rounding would give a basket of constant returns a
    -- variance.
    select
        members.ticker,
        member_returns.session_number,
        count(*) as n_basket_firms,
        avg(member_returns.simple_return) as basket_return
    from members
    inner join member_returns on members.ticker <> member_returns.ticker
    group by members.ticker, member_returns.session_number

),

others as (

    select distinct returns.ticker
    from returns
    left join members on returns.ticker = members.ticker
    where members.ticker is null

),

unioned as (

    select
        others.ticker,
        whole_basket.session_number,
        whole_basket.n_basket_firms,
        whole_basket.basket_return
    from others
    cross join whole_basket
    union all
    select
        ticker,
        session_number,
        n_basket_firms,
        basket_return
    from basket_without_member

)

select * from unioned

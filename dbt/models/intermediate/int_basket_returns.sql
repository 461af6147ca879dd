-- Grain: one row per session and basket that has a return then: the whole AI basket, and without each member.
with

members as (

    select * from {{ ref('int_basket_members') }}

),

member_returns as (

    select
        returns.ticker,
        returns.session_number,
        returns.simple_return
    from {{ ref('int_equity_returns') }} as returns
    inner join members on returns.ticker = members.ticker
    where returns.simple_return is not null

),

whole_basket as (

    -- Equal weights, taken anew each session over the members that have a return: one listed
    -- later joins with its first, and a hole of one does not move the others.
    select
        cast(null as string) as left_out_ticker,
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
        members.ticker as left_out_ticker,
        member_returns.session_number,
        count(*) as n_basket_firms,
        avg(member_returns.simple_return) as basket_return
    from members
    inner join member_returns on members.ticker <> member_returns.ticker
    group by members.ticker, member_returns.session_number

),

unioned as (

    select * from whole_basket
    union all
    select * from basket_without_member

)

select * from unioned

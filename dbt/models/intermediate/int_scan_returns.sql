-- Grain: one row per scanned session and session of its basis on which the portfolio has a return.
-- Indents of loops over factors cannot satisfy the rule.
-- noqa: disable=LT02
with

panels as (

    select * from {{ ref('int_scan_panels') }}

),

basis as (

    select * from {{ ref('int_scan_basis') }}

),

held as (

    select * from {{ ref('int_scan_firms') }}
    where is_held

),

firm_returns as (

    select * from {{ ref('int_firm_returns') }}

),

averaged as (

    -- Equal weights over the firms available that session, as in int_portfolio_returns.
    select
        basis.panel_number,
        basis.session_number,
        avg(firm_returns.simple_return) as simple_return,
        avg(firm_returns.log_return) as log_return
    from held
    inner join basis on held.panel_number = basis.panel_number
    inner join firm_returns
        on
            held.firm_number = firm_returns.firm_number
            and basis.session_number = firm_returns.session_number
    group by basis.panel_number, basis.session_number

),

regressed as (

    select
        basis.panel_number,
        basis.rel_day,
        basis.is_estimation,
        averaged.simple_return,
        basis.x_1,
        {{ return_of_kind('panels', 'averaged') }} as ret,
        {{ return_of_kind('panels', 'averaged') }}
        - case when panels.method = 'market_adjusted' then basis.x_1 else 0 end as y,
        {{ factor_columns('z', 'basis') }}
    from averaged
    inner join basis
        on
            averaged.panel_number = basis.panel_number
            and averaged.session_number = basis.session_number
    inner join panels on averaged.panel_number = panels.panel_number

)

select * from regressed

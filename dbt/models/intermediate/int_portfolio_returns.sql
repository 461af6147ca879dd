-- Grain: one row per portfolio and session of its estimation window or around the event with a return.
with

portfolios as (

    select * from {{ ref('int_portfolios') }}

),

panels as (

    select * from {{ ref('int_event_panels') }}

),

basis as (

    select * from {{ ref('int_event_basis') }}

),

firm_returns as (

    select * from {{ ref('int_firm_returns') }}

),

masks as (

    select * from {{ ref('int_event_masks') }}

),

held as (

    select
        portfolio_number,
        panel_number,
        unnest(firm_numbers) as firm_number
    from portfolios

),

averaged as (

    -- The mean over the firms available that session: a firm listed later joins when it is there.
    select
        held.portfolio_number,
        held.panel_number,
        basis.rel_day,
        avg(firm_returns.simple_return) as simple_return,
        avg(firm_returns.log_return) as log_return,
        count(*) as n_firms
    from held
    inner join basis on held.panel_number = basis.panel_number
    inner join firm_returns
        on
            held.firm_number = firm_returns.firm_number
            and basis.session_number = firm_returns.session_number
    left join masks
        on
            held.panel_number = masks.panel_number
            and held.firm_number = masks.firm_number
            and basis.session_number = masks.session_number
    where masks.panel_number is null
    group by held.portfolio_number, held.panel_number, basis.rel_day

),

regressed as (

    select
        averaged.portfolio_number,
        averaged.panel_number,
        averaged.rel_day,
        basis.is_estimation,
        basis.is_around,
        averaged.simple_return,
        case
            when panels.return_kind = 'log' then averaged.log_return else averaged.simple_return
        end as ret,
        case
            when panels.return_kind = 'log' then averaged.log_return else averaged.simple_return
        end
        - case when panels.method = 'market_adjusted' then basis.x_1 else 0 end as y,
        averaged.n_firms,
        {{ factor_columns('z', 'basis') }}
    from averaged
    inner join panels on averaged.panel_number = panels.panel_number
    inner join basis
        on
            averaged.panel_number = basis.panel_number
            and averaged.rel_day = basis.rel_day

)

select * from regressed

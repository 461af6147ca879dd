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
        portfolio_kind,
        panel_number,
        len(firm_numbers) as n_held,
        unnest(firm_numbers) as firm_number,
        unnest(weights) as weight
    from portfolios

),

added as (

    select
        held.portfolio_number,
        held.panel_number,
        held.portfolio_kind,
        held.n_held,
        basis.rel_day,
        avg(firm_returns.simple_return) as simple_mean,
        avg(firm_returns.log_return) as log_mean,
        sum(held.weight * firm_returns.simple_return) as simple_sum,
        sum(held.weight * firm_returns.log_return) as log_sum,
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
    group by
        held.portfolio_number, held.panel_number, held.portfolio_kind, held.n_held,
        basis.rel_day

),

combined as (

    -- Equal weight: the mean over the firms available that session, so that a firm listed later
    -- joins when it is there. Weights that sum to zero do so only with every firm.
    select
        portfolio_number,
        panel_number,
        rel_day,
        n_firms,
        case when portfolio_kind = 'equal_weight' then simple_mean else simple_sum end
            as simple_return,
        case when portfolio_kind = 'equal_weight' then log_mean else log_sum end as log_return
    from added
    where portfolio_kind = 'equal_weight' or n_firms = n_held

),

regressed as (

    select
        combined.portfolio_number,
        combined.panel_number,
        combined.rel_day,
        basis.is_estimation,
        basis.is_around,
        combined.simple_return,
        case
            when panels.return_kind = 'log' then combined.log_return else combined.simple_return
        end as ret,
        case
            when panels.return_kind = 'log' then combined.log_return else combined.simple_return
        end
        - case when panels.method = 'market_adjusted' then basis.x_1 else 0 end
        * portfolios.net_weight as y,
        combined.n_firms,
        {{ factor_columns('z', 'basis') }}
    from combined
    inner join portfolios on combined.portfolio_number = portfolios.portfolio_number
    inner join panels on combined.panel_number = panels.panel_number
    inner join basis
        on
            combined.panel_number = basis.panel_number
            and combined.rel_day = basis.rel_day

)

select * from regressed

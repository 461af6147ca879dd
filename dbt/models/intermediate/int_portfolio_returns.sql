-- Grain: one row per portfolio and session of its estimation window or around the event with a return.
{{ config(meta={'built_in_parts': {
    'by': 'panel_number', 'work': 'int_portfolios', 'rows': 'count(*) * 300'
}}) }}
with

portfolios as (

    select * from {{ ref('int_portfolios') }}
    where {{ in_part('panel_number') }}

),

panels as (

    select * from {{ ref('int_event_panels') }}

),

basis as (

    select * from {{ ref('int_event_basis') }}
    where {{ in_part('panel_number') }}

),

firm_returns as (

    select * from {{ ref('int_firm_returns') }}

),

masks as (

    select * from {{ ref('int_event_masks') }}
    where {{ in_part('panel_number') }}

),

baskets as (

    -- Events and models share most of their portfolios' contents: each basket is summed once.
    select
        cast(
            row_number() over (order by firm_numbers, weights) as integer
        ) as basket_number,
        firm_numbers,
        weights
    from portfolios
    group by firm_numbers, weights

),

basket_places as (

    select
        basket_number,
        firm_numbers,
        weights,
        {{ each_number(1, list_size('firm_numbers')) }} as place_number
    from baskets

),

basket_firms as (

    select
        basket_number,
        {{ list_item('firm_numbers', 'place_number') }} as firm_number,
        {{ list_item('weights', 'place_number') }} as weight
    from basket_places

),

held as (

    select
        portfolios.portfolio_number,
        portfolios.portfolio_kind,
        portfolios.panel_number,
        portfolios.net_weight,
        {{ list_size('portfolios.firm_numbers') }} as n_held,
        baskets.basket_number
    from portfolios
    inner join baskets
        on
            portfolios.firm_numbers = baskets.firm_numbers
            and portfolios.weights = baskets.weights

),

panel_spans as (

    select
        panel_number,
        min(session_number) as first_number,
        max(session_number) as last_number
    from basis
    group by panel_number

),

basket_spans as (

    -- Weights by exposure are of one event: summed over all of a long history they would cost
    -- events times years.
    select
        held.basket_number,
        min(panel_spans.first_number) as first_number,
        max(panel_spans.last_number) as last_number
    from held
    inner join panel_spans on held.panel_number = panel_spans.panel_number
    group by held.basket_number

),

basket_returns as (

    select
        basket_firms.basket_number,
        firm_returns.session_number,
        count(*) as n_firms,
        sum(basket_firms.weight * firm_returns.simple_return) as simple_sum,
        sum(basket_firms.weight * firm_returns.log_return) as log_sum
    from basket_spans
    inner join basket_firms on basket_spans.basket_number = basket_firms.basket_number
    inner join firm_returns
        on
            basket_firms.firm_number = firm_returns.firm_number
            and firm_returns.session_number between basket_spans.first_number
            and basket_spans.last_number
    group by basket_firms.basket_number, firm_returns.session_number

),

masked_sums as (

    -- What a model that masks takes out again.
    select
        held.portfolio_number,
        masks.session_number,
        count(*) as n_firms,
        sum(basket_firms.weight * firm_returns.simple_return) as simple_sum,
        sum(basket_firms.weight * firm_returns.log_return) as log_sum
    from held
    inner join basket_firms on held.basket_number = basket_firms.basket_number
    inner join masks
        on
            held.panel_number = masks.panel_number
            and basket_firms.firm_number = masks.firm_number
    inner join firm_returns
        on
            masks.firm_number = firm_returns.firm_number
            and masks.session_number = firm_returns.session_number
    group by held.portfolio_number, masks.session_number

),

added as (

    select
        held.portfolio_number,
        held.portfolio_kind,
        held.panel_number,
        held.net_weight,
        held.n_held,
        basis.rel_day,
        basis.is_estimation,
        basis.is_around,
        basis.x_1,
        {{ factor_columns('z', 'basis') }},
        basket_returns.n_firms - coalesce(masked_sums.n_firms, 0) as n_firms,
        basket_returns.simple_sum - coalesce(masked_sums.simple_sum, 0) as simple_sum,
        basket_returns.log_sum - coalesce(masked_sums.log_sum, 0) as log_sum
    from held
    inner join basis on held.panel_number = basis.panel_number
    inner join basket_returns
        on
            held.basket_number = basket_returns.basket_number
            and basis.session_number = basket_returns.session_number
    left join masked_sums
        on
            held.portfolio_number = masked_sums.portfolio_number
            and basis.session_number = masked_sums.session_number

),

combined as (

    -- Equal weight: the mean over the firms available that session, so that a firm listed later
    -- joins when it is there. Weights that sum to zero do so only with every firm.
    select
        added.*,
        case when portfolio_kind = 'equal_weight' then simple_sum / n_firms else simple_sum end
            as simple_return,
        case when portfolio_kind = 'equal_weight' then log_sum / n_firms else log_sum end
            as log_return
    from added
    where n_firms > 0 and (portfolio_kind = 'equal_weight' or n_firms = n_held)

),

regressed as (

    select
        combined.portfolio_number,
        combined.panel_number,
        combined.rel_day,
        combined.is_estimation,
        combined.is_around,
        combined.simple_return,
        {{ return_of_kind('panels', 'combined') }} as ret,
        {{ return_of_kind('panels', 'combined') }}
        - case when panels.method = 'market_adjusted' then combined.x_1 else 0 end
        * combined.net_weight as y,
        combined.n_firms,
        {{ factor_columns('z', 'combined') }}
    from combined
    inner join panels on combined.panel_number = panels.panel_number

)

select * from regressed

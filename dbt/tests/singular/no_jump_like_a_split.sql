-- Closes that jump by a split's ratio, opening there already, while the benchmarks are quiet.
{%- set near = var('quality')['no_jump_like_a_split']['threshold'] %}
{%- set quiet = var('quality')['quiet_market']['threshold'] %}
with

ratios as (

    select
        prices.ticker,
        companies.role,
        prices.session_date,
        prices.close_usd / lag(prices.close_usd) over by_ticker as close_ratio,
        -- Without an open the close alone must tell.
        coalesce(prices.open_usd, prices.close_usd) / lag(prices.close_usd) over by_ticker
            as open_ratio
    from {{ ref('stg_equity_prices') }} as prices
    inner join {{ ref('stg_companies') }} as companies
        on prices.ticker = companies.ticker
    window by_ticker as (
        partition by prices.ticker
        order by prices.session_date
    )

),

market as (

    select
        session_date,
        median(close_ratio - 1) as benchmark_return
    from ratios
    where role = 'benchmark'
    group by session_date

),

common_ratios (split_ratio) as (

    values (15e-1), (2), (3), (4), (5), (6), (7), (8), (10), (12), (15), (20), (25), (30),
    (40), (50), (100)

),

splits as (

    select split_ratio
    from common_ratios
    union all
    select 1 / split_ratio as split_ratio
    from common_ratios

)

-- In logs and relative to the split's own size: ordinary moves of a day hide a ratio of ten
-- no better than a ratio of two, and a jump by half on news is no 3:2 split.
select
    ratios.ticker,
    ratios.session_date,
    ratios.close_ratio,
    splits.split_ratio
from ratios
inner join splits
    on
        abs(ln(ratios.open_ratio / splits.split_ratio)) <= {{ near }} * abs(ln(splits.split_ratio))
        and abs(ln(ratios.close_ratio / splits.split_ratio))
        <= {{ near }} * abs(ln(splits.split_ratio))
left join market
    on ratios.session_date = market.session_date
where coalesce(abs(market.benchmark_return), 0) < {{ quiet }}
qualify row_number() over (
        partition by ratios.ticker, ratios.session_date
        order by abs(ln(ratios.close_ratio / splits.split_ratio)) asc, splits.split_ratio asc
    ) = 1
order by ratios.ticker, ratios.session_date

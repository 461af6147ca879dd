-- Grain: one row per miner and session: its close and betas, and the days they stand for.
with

miners as (

    select
        ticker,
        listing_currency
    from {{ ref('stg_companies') }}
    where role = 'miner'

),

prices as (

    select
        prices.ticker,
        prices.session_date,
        -- A market capitalisation in USD needs a close in USD.
        case when miners.listing_currency = 'USD' then prices.close_usd end as close_usd
    from {{ ref('stg_equity_prices') }} as prices
    inner join miners on prices.ticker = miners.ticker

),

betas as (

    select
        betas.ticker,
        betas.session_date,
        {% for sessions in [60, 120] %}
        max(betas.beta_ai) filter (where betas.window_sessions = {{ sessions }})
            as beta_ai_{{ sessions }}d,
        max(betas.beta_btc) filter (where betas.window_sessions = {{ sessions }})
            as beta_btc_{{ sessions }}d,
        {% endfor %}
        max(betas.r2) filter (where betas.window_sessions = 120) as r2_120d,
        max(betas.ai_tilt) filter (where betas.window_sessions = 120) as ai_tilt,
        max(betas.factor_source) filter (where betas.window_sessions = 120)
            as bitcoin_factor_source
    from {{ ref('int_rolling_betas') }} as betas
    inner join miners on betas.ticker = miners.ticker
    where betas.status = 'ok'
    group by betas.ticker, betas.session_date

),

sessions as (

    select
        prices.ticker,
        prices.session_date,
        lead(prices.session_date) over (
            partition by prices.ticker
            order by prices.session_date
        ) as next_session_date,
        prices.close_usd,
        betas.beta_ai_60d,
        betas.beta_btc_60d,
        betas.beta_ai_120d,
        betas.beta_btc_120d,
        betas.r2_120d,
        betas.ai_tilt,
        betas.bitcoin_factor_source
    from prices
    left join betas
        on
            prices.ticker = betas.ticker
            and prices.session_date = betas.session_date

),

final as (

    select
        *,
        session_date as valid_from_date,
        -- A close stands for the days to the next one, and for a week at the most.
        least(
            coalesce(
                next_session_date - 1,
                session_date + {{ var('exposure')['max_market_age_days'] }}
            ),
            session_date + {{ var('exposure')['max_market_age_days'] }}
        ) as valid_to_date
    from sessions

)

select * from final

-- Grain: one row per miner and session: its close and betas, and the days they stand for.
with

prices as (

    select
        prices.ticker,
        prices.session_date,
        -- A market capitalisation in USD needs a close in USD.
        case when companies.listing_currency = 'USD' then prices.close_usd end as close_usd
    from {{ ref('stg_equity_prices') }} as prices
    inner join {{ ref('stg_companies') }} as companies
        on prices.ticker = companies.ticker
    where companies.role = 'miner'

),

betas as (

    select
        ticker,
        session_date,
        {% for sessions in [60, 120] %}
        max(beta_ai) filter (where window_sessions = {{ sessions }}) as beta_ai_{{ sessions }}d,
        max(beta_btc) filter (where window_sessions = {{ sessions }})
            as beta_btc_{{ sessions }}d,
        {% endfor %}
        max(r2) filter (where window_sessions = 120) as r2_120d,
        max(ai_tilt) filter (where window_sessions = 120) as ai_tilt,
        max(factor_source) filter (where window_sessions = 120) as bitcoin_factor_source
    from {{ ref('fct_rolling_betas') }}
    where status = 'ok'
    group by ticker, session_date

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

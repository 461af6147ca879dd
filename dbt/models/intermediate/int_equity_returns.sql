-- Grain: one row per ticker and session with a close.
with

prices as (

    select * from {{ ref('stg_equity_prices') }}

),

companies as (

    select * from {{ ref('stg_companies') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

listed as (

    -- Closes before the present listing belong to another share (a relisted firm's old stock).
    select
        prices.ticker,
        prices.session_date,
        sessions.session_number,
        prices.open_usd,
        prices.high_usd,
        prices.low_usd,
        prices.close_usd,
        prices.volume_shares
    from prices
    inner join companies on prices.ticker = companies.ticker
    inner join sessions on prices.session_date = sessions.session_date
    where
        prices.close_usd is not null
        and (
            companies.first_listed_date is null
            or prices.session_date >= companies.first_listed_date
        )

),

lagged as (

    select
        *,
        lag(close_usd) over by_session as last_close_usd,
        session_number - lag(session_number) over by_session as sessions_since_last_close,
        avg(volume_shares) over before_20 as volume_mean_20d,
        count(volume_shares) over before_20 as n_volumes_20d
    from listed
    window
        by_session as (partition by ticker order by session_number),
        before_20 as (
            partition by ticker order by session_number
            range between 20 preceding and 1 preceding
        )

),

returned as (

    -- A return exists only over two consecutive sessions: carrying a close over a hole would
    -- put several days' movement into one.
    select
        ticker,
        session_date,
        session_number,
        open_usd,
        high_usd,
        low_usd,
        close_usd,
        volume_shares,
        case when sessions_since_last_close = 1 then last_close_usd end as previous_close_usd,
        case when sessions_since_last_close = 1 then close_usd / last_close_usd - 1 end
            as simple_return,
        case when sessions_since_last_close = 1 then ln(close_usd / last_close_usd) end
            as log_return,
        coalesce(sessions_since_last_close > 1, false) as is_gap,
        coalesce(volume_shares = 0, false) as is_zero_volume,
        coalesce(
            open_usd = close_usd and high_usd = close_usd and low_usd = close_usd, false
        ) as is_flat_bar,
        case when n_volumes_20d = 20 then volume_shares / nullif(volume_mean_20d, 0) end
            as volume_ratio_20d
    from lagged

)

select * from returned

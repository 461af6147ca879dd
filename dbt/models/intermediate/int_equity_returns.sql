-- Grain: one row per ticker and session with a close.
{{ config(meta={'built_in_parts': {
    'by': 'ticker', 'work': 'stg_equity_prices', 'rows': 'count(*)', 'order_free': true
}}) }}
with

prices as (

    select * from {{ ref('stg_equity_prices') }}
    where {{ in_part('ticker') }}

),

second_closes as (

    select * from {{ ref('stg_equity_closes_second_source') }}
    where {{ in_part('ticker') }}

),

tolerances as (

    select * from {{ ref('stg_reconciliation_tolerances') }}
    where table_name = 'equity_prices'

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
        prices.volume_shares,
        prices.source
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
        lag(session_date) over by_session as last_close_date,
        lag(source) over by_session as last_source,
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

switches as (

    -- Where another source takes over, the two must be seen side by side on one session: the
    -- new one on the last session of the old, or the old one on the first session of the new.
    select
        lagged.ticker,
        lagged.session_number,
        greatest(
            abs(new_before.close_usd / lagged.last_close_usd - 1),
            abs(old_today.close_usd / lagged.close_usd - 1)
        ) as largest_difference,
        coalesce(own.field, other.field) as field,
        coalesce(own.tolerance, other.tolerance) as tolerance
    from lagged
    left join second_closes as new_before
        on
            lagged.ticker = new_before.ticker
            and lagged.last_close_date = new_before.session_date
            and lagged.source = new_before.source
    left join second_closes as old_today
        on
            lagged.ticker = old_today.ticker
            and lagged.session_date = old_today.session_date
            and lagged.last_source = old_today.source
    left join tolerances as own on lagged.ticker = own.ticker
    left join tolerances as other on other.ticker = '*'
    where lagged.source <> lagged.last_source

),

-- A tolerance for returns says that the levels of the two are adjusted apart.
breaks as (

    select
        ticker,
        session_number as first_number,
        row_number() over by_session as source_run,
        lead(session_number) over by_session as next_number
    from switches
    where not coalesce(field = 'close_usd' and largest_difference <= tolerance, false)
    window by_session as (partition by ticker order by session_number)

),

chained as (

    -- Closes of one run may be divided by one another. Breaks are few, so rows are matched with
    -- the last one before them instead of being sorted once more to count them.
    select
        lagged.*,
        switches.ticker is not null as is_mixed_source,
        coalesce(
            lagged.sessions_since_last_close > 1 or lagged.session_number = breaks.first_number,
            false
        ) as is_gap,
        cast(coalesce(breaks.source_run, 0) as bigint) as source_run
    from lagged
    left join switches
        on
            lagged.ticker = switches.ticker
            and lagged.session_number = switches.session_number
    left join breaks
        on
            lagged.ticker = breaks.ticker
            and lagged.session_number >= breaks.first_number
            and lagged.session_number < coalesce(breaks.next_number, lagged.session_number + 1)

),

returned as (

    -- A return exists only over two consecutive sessions of comparable sources: carrying a close
    -- over a hole would put several days' movement into one, and two sources' closes the
    -- difference between them. Before the first close there is none to return from.
    select
        ticker,
        session_date,
        session_number,
        open_usd,
        high_usd,
        low_usd,
        close_usd,
        volume_shares,
        source,
        source_run,
        case when not is_gap then last_close_usd end as previous_close_usd,
        case when not is_gap then close_usd / last_close_usd - 1 end as simple_return,
        case when not is_gap then ln(close_usd / last_close_usd) end as log_return,
        is_gap,
        is_mixed_source,
        coalesce(volume_shares = 0, false) as is_zero_volume,
        coalesce(
            open_usd = close_usd and high_usd = close_usd and low_usd = close_usd, false
        ) as is_flat_bar,
        case when n_volumes_20d = 20 then volume_shares / nullif(volume_mean_20d, 0) end
            as volume_ratio_20d
    from chained

)

select * from returned
order by ticker, session_number

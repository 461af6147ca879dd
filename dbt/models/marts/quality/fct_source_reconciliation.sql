-- Grain: one row per compared table, key and field.
with

tolerances as (

    select * from {{ ref('stg_reconciliation_tolerances') }}

),

sessions as (

    select
        session_date,
        row_number() over (order by session_date) as session_number
    from {{ ref('stg_exchange_sessions') }}

),

second_tickers as (

    select distinct ticker from {{ ref('stg_equity_closes_second_source') }}

),

first_prices as (

    -- Shares of one source alone are compared with nothing; on a wide market most are.
    select prices.*
    from {{ ref('stg_equity_prices') }} as prices
    inner join second_tickers on prices.ticker = second_tickers.ticker

),

equity_pairs as (

    select
        'equity_prices' as table_name,
        coalesce(first_prices.ticker, second_prices.ticker) as ticker,
        coalesce(first_prices.session_date, second_prices.session_date) as value_date,
        first_prices.source as first_source,
        second_prices.source as second_source,
        '' as second_series,
        true as is_independent,
        first_prices.close_usd as first_level,
        second_prices.close_usd as second_level
    from first_prices
    full outer join {{ ref('stg_equity_closes_second_source') }} as second_prices
        on
            first_prices.ticker = second_prices.ticker
            and first_prices.session_date = second_prices.session_date

),

-- The network source's price is a reference made of several exchanges, the first source
-- perhaps among them: nobody states how independent it is.
bitcoin_pairs as (

    select
        'btc_prices' as table_name,
        'BTC' as ticker,
        coalesce(exchange.date_utc, network.date_utc) as value_date,
        exchange.source as first_source,
        network.source as second_source,
        '' as second_series,
        cast(null as boolean) as is_independent,
        exchange.close_usd as first_level,
        network.price_usd as second_level
    from {{ ref('stg_btc_prices') }} as exchange
    full outer join {{ ref('stg_network_metrics') }} as network
        on exchange.date_utc = network.date_utc

),

exchange_pairs as (

    select
        'btc_prices_second_source' as table_name,
        'BTC' as ticker,
        first_prices.date_utc as value_date,
        first_prices.source as first_source,
        second_prices.source as second_source,
        '' as second_series,
        -- Where one exchange had to stand in for the other, it would be compared with itself.
        first_prices.source <> second_prices.source as is_independent,
        first_prices.close_usd as first_level,
        second_prices.close_usd as second_level
    from {{ ref('stg_btc_prices') }} as first_prices
    inner join {{ ref('stg_btc_prices_second_source') }} as second_prices
        on first_prices.date_utc = second_prices.date_utc

),

-- By the day an estimate is for, not by its stamp: mempool.space stamps the day after.
hashrate_pairs as (

    select
        'network_metrics_second_source' as table_name,
        'BTC' as ticker,
        network.date_utc as value_date,
        network.source as first_source,
        estimates.source as second_source,
        estimates.source as second_series,
        estimates.is_independent,
        network.hashrate_eh_s as first_level,
        estimates.hashrate_eh_s as second_level
    from {{ ref('stg_network_metrics') }} as network
    inner join {{ ref('stg_network_metrics_second_source') }} as estimates
        on network.date_utc = estimates.date_utc

),

around_the_clock as (

    select * from bitcoin_pairs
    union all
    select * from exchange_pairs
    union all
    select * from hashrate_pairs

),

-- Days are numbered so that a return never spans a day without a price: sessions for
-- shares, calendar days for bitcoin.
numbered as (

    select
        equity_pairs.*,
        sessions.session_number as day_number
    from equity_pairs
    inner join sessions
        on equity_pairs.value_date = sessions.session_date
    union all
    select
        *,
        {{ days_between("date '2000-01-01'", 'value_date') }} as day_number
    from around_the_clock

),

with_returns as (

    select
        *,
        case
            when lag(day_number) over by_day = day_number - 1
                then first_level / lag(first_level) over by_day - 1
        end as first_close_return,
        case
            when lag(day_number) over by_day = day_number - 1
                then second_level / lag(second_level) over by_day - 1
        end as second_close_return
    from numbered
    window by_day as (
        partition by table_name, ticker, second_series
        order by day_number
    )

),

-- The tolerance of the ticker itself, else the table's default.
with_tolerance as (

    select
        with_returns.*,
        coalesce(own.field, other.field) as field,
        coalesce(own.tolerance, other.tolerance) as tolerance
    from with_returns
    left join tolerances as own
        on
            with_returns.table_name = own.table_name
            and with_returns.ticker = own.ticker
    left join tolerances as other
        on
            with_returns.table_name = other.table_name
            and other.ticker = '*'

),

valued as (

    select
        table_name,
        ticker,
        value_date,
        coalesce(
            field,
            case table_name
                when 'network_metrics_second_source' then 'hashrate_eh_s' else 'close_usd'
            end
        ) as field,
        first_source,
        second_source,
        second_series,
        is_independent,
        case field when 'close_return' then first_close_return else first_level end
            as first_value,
        case field when 'close_return' then second_close_return else second_level end
            as second_value,
        tolerance
    from with_tolerance

),

-- Only where both sources speak: coverage of a series is another check's subject.
compared as (

    select
        *,
        abs(second_value - first_value) as absolute_difference,
        -- Relative to a price; a return near zero has no useful relative difference.
        case
            when field <> 'close_return'
                then abs(second_value - first_value) / nullif(first_value, 0)
        end as relative_difference
    from valued
    where
        first_value is not null
        and second_value is not null

),

final as (

    select
        table_name,
        concat_ws('|', ticker, nullif(second_series, ''), cast(value_date as string))
            as row_key,
        field,
        ticker,
        value_date,
        first_source,
        first_value,
        second_source,
        second_value,
        absolute_difference,
        relative_difference,
        tolerance,
        coalesce(relative_difference, absolute_difference) <= tolerance as within_tolerance,
        is_independent
    from compared

)

select * from final
order by table_name asc, ticker asc, value_date asc, second_source asc

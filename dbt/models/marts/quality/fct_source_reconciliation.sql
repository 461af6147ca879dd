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

equity_pairs as (

    select
        'equity_prices' as table_name,
        coalesce(first_prices.ticker, second_prices.ticker) as ticker,
        coalesce(first_prices.session_date, second_prices.session_date) as value_date,
        first_prices.source as first_source,
        second_prices.source as second_source,
        first_prices.close_usd as first_close_usd,
        second_prices.close_usd as second_close_usd
    from {{ ref('stg_equity_prices') }} as first_prices
    full outer join {{ ref('stg_equity_closes_second_source') }} as second_prices
        on
            first_prices.ticker = second_prices.ticker
            and first_prices.session_date = second_prices.session_date

),

bitcoin_pairs as (

    select
        'btc_prices' as table_name,
        'BTC' as ticker,
        coalesce(exchange.date_utc, network.date_utc) as value_date,
        exchange.source as first_source,
        network.source as second_source,
        exchange.close_usd as first_close_usd,
        network.price_usd as second_close_usd
    from {{ ref('stg_btc_prices') }} as exchange
    full outer join {{ ref('stg_network_metrics') }} as network
        on exchange.date_utc = network.date_utc

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
        value_date - date '2000-01-01' as day_number
    from bitcoin_pairs

),

with_returns as (

    select
        *,
        case
            when lag(day_number) over by_day = day_number - 1
                then first_close_usd / lag(first_close_usd) over by_day - 1
        end as first_close_return,
        case
            when lag(day_number) over by_day = day_number - 1
                then second_close_usd / lag(second_close_usd) over by_day - 1
        end as second_close_return
    from numbered
    window by_day as (
        partition by table_name, ticker
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
        coalesce(field, 'close_usd') as field,
        first_source,
        second_source,
        case field when 'close_return' then first_close_return else first_close_usd end
            as first_value,
        case field when 'close_return' then second_close_return else second_close_usd end
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
        case field when 'close_usd' then abs(second_value - first_value) / nullif(first_value, 0) end
            as relative_difference
    from valued
    where
        first_value is not null
        and second_value is not null

),

final as (

    select
        table_name,
        ticker || '|' || strftime(value_date, '%Y-%m-%d') as row_key,
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
        coalesce(relative_difference, absolute_difference) <= tolerance as within_tolerance
    from compared

)

select * from final
order by table_name asc, ticker asc, value_date asc

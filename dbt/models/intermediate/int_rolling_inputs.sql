-- Grain: one row per ticker and stretch of 64 sessions.
-- depends_on: {{ ref('int_equity_returns') }}
{{ config(meta={'built_in_parts': {
    'by': 'ticker', 'work': 'int_equity_returns', 'rows': '2 * count(*)', 'order_free': true
}}) }}
with

returns as (

    select * from {{ ref('int_rolling_returns') }}
    where {{ in_part('ticker') }}

),

needs as (

    select * from {{ ref('int_rolling_needs') }}

),

shown as (

    select
        session_number,
        cast(floor(session_number / 64e0) as bigint) as stretch,
        bit_xor({{ row_hash([
            'window_sessions', 'min_sessions', 'factor_source', 'has_source', 'is_asynchronous'
        ]) }}) as shown_hash
    from needs
    where is_shown
    group by session_number

),

final as (

    select
        returns.ticker,
        shown.stretch,
        min(returns.session_number) as first_number,
        min(returns.session_date) as first_date,
        count(*) as n_rows,
        bit_xor({{ row_hash([
            'returns.session_number', 'returns.session_date', 'returns.factor_source',
            'returns.share_return', 'returns.basket_return', 'returns.bitcoin_return',
            'returns.n_basket_firms', 'shown.shown_hash'
        ]) }}) as inputs_hash
    from returns
    inner join shown on returns.session_number = shown.session_number
    group by returns.ticker, shown.stretch

)

select * from final
order by ticker, stretch

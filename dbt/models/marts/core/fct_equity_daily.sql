-- Grain: one row per ticker and session with a close.
{{ config(meta={'built_in_parts': {
    'by': 'ticker', 'work': 'int_equity_returns', 'rows': 'count(*)', 'order_free': true
}}) }}
with

returns as (

    select * from {{ ref('int_equity_returns') }}

),

final as (

    select
        ticker,
        session_date,
        open_usd,
        high_usd,
        low_usd,
        close_usd,
        volume_shares,
        previous_close_usd,
        simple_return,
        low_usd / previous_close_usd - 1 as intraday_low_return,
        volume_ratio_20d,
        is_gap
    from returns
    where {{ in_part('ticker') }}

)

select * from final
order by ticker asc, session_date asc

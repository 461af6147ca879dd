-- Days on which the two bitcoin prices lie outside their tolerance.
select
    value_date,
    first_source,
    first_value as first_close_usd,
    second_source,
    second_value as second_close_usd,
    relative_difference,
    tolerance
from {{ ref('fct_source_reconciliation') }}
where
    table_name = 'btc_prices'
    and not within_tolerance
order by value_date

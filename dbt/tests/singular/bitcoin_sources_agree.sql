-- Days on which two bitcoin prices lie outside their tolerance.
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
    table_name in ('btc_prices', 'btc_prices_second_source')
    and not within_tolerance
order by value_date, second_source

-- Days on which two estimates of the hashrate lie outside their tolerance.
select
    value_date as date_utc,
    first_source,
    first_value as first_eh_s,
    second_source,
    second_value as second_eh_s,
    is_independent,
    relative_difference,
    tolerance
from {{ ref('fct_source_reconciliation') }}
where
    table_name = 'network_metrics_second_source'
    and not within_tolerance
order by value_date, second_source

-- Which figures do two sources state differently?
-- Example: {}
select
    value_date,
    table_name,
    field,
    ticker,
    first_source,
    first_value,
    second_source,
    second_value,
    relative_difference,
    tolerance
from marts.fct_source_reconciliation
where not within_tolerance
order by value_date desc, table_name, field, ticker

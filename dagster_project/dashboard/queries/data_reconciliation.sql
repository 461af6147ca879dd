-- Where two sources state the same figure, how often do they agree?
-- Example: {}
-- n_compared: Keys for which both sources state the field.
-- n_agree: Of these, within the tolerance.
-- n_differ: Of these, outside of it.
-- largest_relative_difference: The largest difference, as a fraction.
-- last_difference_date: The newest day outside of the tolerance.
select
    table_name,
    field,
    first_source,
    second_source,
    count(*) as n_compared,
    count(*) filter (where within_tolerance) as n_agree,
    count(*) filter (where not within_tolerance) as n_differ,
    max(abs(relative_difference)) as largest_relative_difference,
    max(value_date) filter (where not within_tolerance) as last_difference_date
from marts.fct_source_reconciliation
group by table_name, field, first_source, second_source
order by table_name, field, first_source, second_source

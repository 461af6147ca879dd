-- Which facts were overtaken by later or better ones?
-- Example: {}
select
    ticker,
    metric,
    as_of_date,
    value,
    unit,
    known_date,
    selected_from_date,
    selected_to_date,
    selection_reason,
    overtaken_by_value,
    overtaken_by_date,
    overtaken_by_source_url,
    source_name,
    source_url,
    source_quality
from marts.fct_company_facts
where overtaken_by_date is not null
order by overtaken_by_date desc, ticker, metric

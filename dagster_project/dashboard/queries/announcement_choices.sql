-- Which kinds of announcement and which companies are there?
-- Example: {}
-- dimension: kind or ticker.
-- choice: Its value.
-- n_announcements: How many announcements have it.
select
    'kind' as dimension,
    kind as choice,
    count(*) as n_announcements
from marts.fct_capex_announcements
group by kind
union all
select
    'ticker',
    coalesce(ticker, 'none'),
    count(*)
from marts.fct_capex_announcements
group by coalesce(ticker, 'none')
order by dimension, choice

-- Facts that count as known before their period is over: a month is known at its end.
select
    'announcement' as fact,
    announcement_id as name,
    ticker,
    announced_date as period_date,
    known_date
from {{ ref('stg_capex_announcements') }}
where
    known_date < case date_precision
        when 'month' then last_day(announced_date)
        else announced_date
    end
union all
select
    'company fact' as fact,
    metric as name,
    ticker,
    as_of_date as period_date,
    known_date
from {{ ref('stg_company_facts') }}
where known_date < as_of_date
order by fact, name, ticker, period_date

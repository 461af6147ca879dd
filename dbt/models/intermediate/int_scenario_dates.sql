-- Grain: one row per scenario and day it is computed for.
with

scenarios as (

    select * from {{ ref('stg_study_scenarios') }}

),

newest as (

    select max(session_date) as newest_session_date
    from {{ ref('stg_equity_prices') }}

),

asked as (

    select
        scenario_id,
        {{ each_value("split(as_of_dates, ';')") }} as asked_date
    from scenarios

),

dates as (

    select
        asked.scenario_id,
        asked.asked_date = 'latest' as is_latest,
        case
            when asked.asked_date = 'latest' then newest.newest_session_date
            else try_cast(asked.asked_date as date)
        end as as_of_date
    from asked
    cross join newest

)

-- A day that is also the newest session is one row.
select
    scenario_id,
    as_of_date,
    bool_or(is_latest) as is_latest
from dates
where as_of_date is not null
group by scenario_id, as_of_date

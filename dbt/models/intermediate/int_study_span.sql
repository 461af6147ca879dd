-- Grain: one row in all: the sessions around an event that the study needs.
select
    -- The summary needs the days -1 to 1 whatever windows are configured.
    least(coalesce(min(rank_first_day), 0), -1) as first_day,
    greatest(coalesce(max(rank_last_day), 0), 1) as last_day
from {{ ref('int_study_windows') }}

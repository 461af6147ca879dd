-- For which days is exposure known, and on which was it before the story of the press?
-- Example: {}
-- first_date: First day of fct_ai_exposure.
-- last_date: Last day of fct_ai_exposure.
-- headline_date: The session before the event of the press story.
select
    min(exposure.as_of_date) as first_date,
    max(exposure.as_of_date) as last_date,
    (
        select max(previous_session) from marts.dim_event
        where is_headline
    ) as headline_date
from marts.fct_ai_exposure as exposure

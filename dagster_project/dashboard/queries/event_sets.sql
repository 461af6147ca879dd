-- What do many events tested together say of the group?
-- Example: {"group": "focal", "model": "market_model", "window": "[0,0]"}
select
    study_id,
    title,
    n_events,
    n_dates,
    n_firms,
    caar,
    mde_80pct,
    headline_p,
    verdict
from marts.selloff_verdicts
where
    kind = 'event_set'
    and group_id = $group
    and model_id = $model
    and window_id = $window
order by study_id

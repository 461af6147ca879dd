-- What do the tests of the group say together, in one sentence?
-- Example: {"event": "msft-2gw-mar", "group": "focal", "model": "market_model", "window": "[0,0]"}
select
    study_id,
    group_id,
    group_title,
    model_id,
    window_id,
    n_firms,
    n_firms_dropped,
    caar,
    mde_80pct,
    rbar,
    effective_n,
    n_honest_tests,
    n_honest_significant,
    headline_statistic,
    headline_p,
    significance_level,
    verdict_id,
    verdict
from marts.selloff_verdicts
where
    study_id = $event
    and group_id = $group
    and model_id = $model
    and window_id = $window

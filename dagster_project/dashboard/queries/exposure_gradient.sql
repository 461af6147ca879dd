-- What do the exposure and the fall mean together, once the shared date is allowed for?
-- Example: {"event": "msft-2gw-mar", "group": "miners", "metric": "ai_tilt", "window": "[0,0]"}
select
    study_id,
    group_id,
    model_id,
    window_id,
    metric,
    n,
    slope,
    slope_t_portfolio,
    p_portfolio,
    sq_p,
    slope_t_hc3,
    spearman,
    spearman_p,
    loo_min,
    loo_max,
    status,
    verdict_id,
    verdict
from marts.fct_exposure_gradient
where
    study_id = $event
    and group_id = $group
    and metric = $metric
    and window_id = $window
    and is_headline_model

-- Did the more exposed firms fall further beyond what the model expects?
-- Example: {"event": "msft-2gw-mar", "group": "miners", "metric": "ai_tilt", "window": "[0,0]"}
-- fitted_car: The published slope through the mean of the firms: what the line shows, no forecast.
-- fitted_car_low: The same with the slope that is lowest when one firm is left out.
-- fitted_car_high: The same with the slope that is highest when one firm is left out.
with

firms as (

    select *
    from marts.fct_exposure_ranking
    where
        event_id = $event
        and group_id = $group
        and metric = $metric
        and window_id = $window

),

means as (

    select
        avg(exposure) as mean_exposure,
        avg(car) as mean_car
    from firms
    where exposure is not null and car is not null

)

select
    firms.ticker,
    company.name,
    firms.exposure,
    firms.car,
    firms.raw_return,
    firms.exposure_rank,
    firms.abnormal_rank,
    firms.n_ranked,
    firms.status,
    means.mean_car + gradient.slope * (firms.exposure - means.mean_exposure) as fitted_car,
    means.mean_car + gradient.loo_min * (firms.exposure - means.mean_exposure) as fitted_car_low,
    means.mean_car + gradient.loo_max * (firms.exposure - means.mean_exposure) as fitted_car_high
from firms
cross join means
left join marts.dim_company as company on firms.ticker = company.ticker
left join marts.fct_exposure_gradient as gradient
    on
        firms.event_id = gradient.study_id
        and firms.group_id = gradient.group_id
        and firms.metric = gradient.metric
        and firms.window_id = gradient.window_id
        and firms.model_id = gradient.model_id
order by firms.exposure desc nulls last, firms.ticker

-- How far did each firm of the group move, and how much of that does the model not expect?
-- Example: {"event": "msft-2gw-mar", "group": "focal", "model": "market_model", "window": "[0,0]"}
select
    firm.ticker,
    company.name,
    firm.raw_return,
    firm.expected_return,
    firm.car,
    firm.car_p_pred,
    firm.beta_market,
    summary.close_before_usd,
    summary.close_usd,
    summary.intraday_low_return,
    summary.hpc_contracted_mw,
    summary.hpc_status,
    firm.status
from marts.fct_selloff_firm as firm
inner join
    (
        select distinct
            event_id,
            ticker
        from marts.fct_exposure_ranking
        where event_id = $event and group_id = $group and window_id = $window
    ) as member
    on firm.event_id = member.event_id and firm.ticker = member.ticker
left join marts.dim_company as company on firm.ticker = company.ticker
left join marts.selloff_summary as summary
    on firm.event_id = summary.event_id and firm.ticker = summary.ticker
where firm.event_id = $event and firm.model_id = $model and firm.window_id = $window
order by firm.raw_return asc nulls last, firm.ticker

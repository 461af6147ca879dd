-- What would converting power be worth, under the published assumptions and under yours?
-- Example: {"scenario": "vaneck_2024", "day": "2025-03-25", "share_converted_pct": 30, "discount_rate_pct": 15, "revenue_per_mw_year_usd": null, "margin_pct": null, "utilisation_pct": null, "capex_per_mw_usd": null, "pue": null, "horizon_years": null, "ramp_years": null, "mining_efficiency_j_th": null, "power_price_usd_mwh": null, "hashprice_usd_ph": null}
-- published_npv_usd: npv_usd of fct_valuation_scenario: the published assumptions.
-- published_npv_per_mw_usd: npv_per_mw_usd of fct_valuation_scenario: the published assumptions.
select
    yours.ticker,
    company.name,
    yours.status,
    yours.gross_power_mw,
    yours.gross_power_basis,
    yours.converted_gross_mw,
    yours.npv_usd,
    published.npv_usd as published_npv_usd,
    yours.npv_per_mw_usd,
    published.npv_per_mw_usd as published_npv_per_mw_usd,
    yours.mean_yearly_profit_usd,
    yours.capex_usd,
    yours.market_cap_usd,
    yours.npv_share_of_market_cap,
    yours.hashprice_usd_ph,
    yours.hashprice_source
from marts.scenario(
    $scenario,
    $day,
    share_pct := $share_converted_pct,
    discount_pct := $discount_rate_pct,
    revenue_usd := $revenue_per_mw_year_usd,
    margin := $margin_pct,
    utilisation := $utilisation_pct,
    capex_usd := $capex_per_mw_usd,
    pue_ratio := $pue,
    horizon := $horizon_years,
    ramp := $ramp_years,
    efficiency := $mining_efficiency_j_th,
    power_usd := $power_price_usd_mwh,
    hashprice_usd := $hashprice_usd_ph
) as yours
left join marts.fct_valuation_scenario as published
    on
        yours.scenario_id = published.scenario_id
        and yours.as_of_date = published.as_of_date
        and yours.ticker = published.ticker
left join marts.dim_company as company on yours.ticker = company.ticker
order by yours.npv_usd desc nulls last, yours.ticker

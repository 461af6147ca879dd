"""What every chart must show, as SQL written by hand beside the dashboard's definition."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """What is chosen in the filters. ``roles`` and ``tickers`` empty: all."""

    event: str
    roles: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()

    def holds(self, column: str, values: tuple[str, ...]) -> str:
        if not values:
            return "true"
        return f"{column} in ({', '.join(repr(value) for value in values)})"

    @property
    def ticker(self) -> str:
        return self.holds("ticker", self.tickers)

    @property
    def firm(self) -> str:
        return f"event_id = '{self.event}' and {self.holds('role', self.roles)} and {self.ticker}"


FIRST = Choice("msft-2gw-mar", ("miner",))
# Another day, and two firms of it alone: every filter is at work.
OTHER = Choice("deepseek-shock", ("miner", "hyperscaler"), ("CORZ", "MARA", "MSFT"))

_LINK = "'<a href=\"' || source_url || '\" target=\"_blank\">' || {} || '</a>'"


def queries(choice: Choice) -> dict[str, str]:
    """Chart to SQL; the columns have the names that Superset gives them."""
    ranked = (
        f"event_id = '{choice.event}' and metric = 'hpc_contracted_mw' and group_id = 'miners' "
        f"and window_id = '[0,0]' and {choice.ticker}"
    )
    return {
        "event": f"""
            select title, news_date, news_timing, t0, previous_session, note,
                {_LINK.format("'source'")} as source_link
            from marts.dim_event where event_id = '{choice.event}'""",
        "raw-returns": f"""
            select ticker, raw_return as "Return" from marts.selloff_summary
            where {choice.firm} and status = 'ok'""",
        "abnormal-returns": f"""
            select ticker, abnormal_return as "Abnormal return" from marts.selloff_summary
            where {choice.firm} and status = 'ok'""",
        "firms": f"""
            select ticker, name, close_before_usd, close_usd, raw_return, market_part,
                intercept_part, abnormal_return, p_two_sided, intraday_low_return,
                hpc_contracted_mw, hpc_status
            from marts.selloff_summary where {choice.firm} and status = 'ok'""",
        "verdicts": f"""
            select group_title, n_firms, caar, headline_p, mde_80pct, verdict_id, verdict
            from marts.selloff_verdicts
            where study_id = '{choice.event}' and window_id = '[0,0]' and is_headline
                and verdict_id <> 'no_data'""",
        "exposure-mw": f"""
            select ticker, exposure as "Megawatts" from marts.fct_exposure_ranking
            where {ranked} and exposure is not null""",
        "exposure-ranking": f"""
            select ticker, exposure, exposure_rank, raw_return, car, abnormal_rank, status
            from marts.fct_exposure_ranking where {ranked}""",
        "announcements-timeline": f"""
            select announced_on, company, sum(capacity_change_mw) as "Megawatts"
            from marts.fct_capex_announcements
            where capacity_change_mw is not null and {choice.ticker} group by all""",
        "announcements": f"""
            select announced_on, company, counterparty, kind, power_mw, power_basis, value_usd,
                term_years, {_LINK.format("source_name")} as source_link, source_quality
            from marts.fct_capex_announcements where {choice.ticker}""",
        "capex-guidance": """
            select announced_on, company || ' ' || fiscal_period as company_period,
                guidance_central_usd as "Guidance"
            from marts.fct_hyperscaler_capex
            where guidance_on = announced_on and guidance_central_usd is not null""",
        "hashprice": """
            select date_utc, hashprice_usd_ph as "USD per PH/s and day"
            from marts.fct_mining_economics where hashprice_usd_ph is not null""",
        "hashrate": """
            select date_utc, network_eh_s_7d as "EH/s"
            from marts.fct_mining_economics where network_eh_s_7d is not null""",
        "scenario-value": f"""
            select ticker, scenario_id, npv_usd as "Net present value"
            from marts.fct_valuation_scenario
            where is_latest and status = 'ok' and {choice.ticker}""",
        "scenario-all-miners": """
            select scenario_id, as_of_date, n_capacity_known, converted_gross_mw, npv_per_mw_usd,
                npv_usd, npv_to_yearly_profit, anchor_npv_usd, anchor_npv_to_yearly_profit
            from marts.fct_scenario_universe""",
        "claims": f"""
            select claim, verdict, reason, claimed_low, claimed_high, claimed_unit, computed_low,
                computed_high, computed_unit, {_LINK.format("source_name")} as source_link
            from marts.fct_claim_checks""",
    }

-- What did the Bitcoin network pay per unit of hashrate, day by day?
-- Example: {"since": "2024-01-01"}
select
    date_utc,
    hashprice_usd_ph,
    hashprice_btc_ph,
    network_eh_s,
    network_eh_s_7d,
    price_usd,
    price_source,
    difficulty,
    subsidy_btc,
    fees_btc,
    fee_share_of_revenue,
    revenue_usd_eh,
    halving_number,
    days_since_halving
from marts.fct_mining_economics
where date_utc >= cast($since as date)
order by date_utc

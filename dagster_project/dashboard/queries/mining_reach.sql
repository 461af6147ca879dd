-- How far do the network's figures reach, and what is the newest?
-- Example: {}
-- first_date: First day of fct_mining_economics.
-- last_date: Last day of fct_mining_economics.
select
    min(date_utc) as first_date,
    max(date_utc) as last_date,
    arg_max(hashprice_usd_ph, date_utc) as hashprice_usd_ph,
    arg_max(hashprice_change_30d, date_utc) as hashprice_change_30d,
    arg_max(network_eh_s_7d, date_utc) as network_eh_s_7d,
    arg_max(price_usd, date_utc) as price_usd,
    arg_max(fee_share_of_revenue, date_utc) as fee_share_of_revenue,
    arg_max(days_since_halving, date_utc) as days_since_halving
from marts.fct_mining_economics

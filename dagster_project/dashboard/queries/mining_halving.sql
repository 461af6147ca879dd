-- What did the halving change in what one PH/s earns, and which part did what?
-- Example: {}
select
    halving_number,
    halving_date,
    window_days,
    n_days_before,
    n_days_after,
    hashprice_usd_ph_before,
    hashprice_usd_ph_after,
    hashprice_change,
    hashprice_log_change,
    subsidy_part,
    fee_part,
    price_part,
    difficulty_part,
    fee_share_before,
    fee_share_after,
    network_eh_s_before,
    network_eh_s_after,
    status
from marts.fct_halving_effects
order by halving_number, window_days

-- Halvings whose parts do not add up to the change of the hashprice.
{%- set rule = var('quality')['halving_parts_sum_to_change'] %}
select
    halving_number,
    window_days,
    hashprice_log_change,
    subsidy_part + fee_part + price_part + difficulty_part as sum_of_parts
from {{ ref('fct_halving_effects') }}
where
    status = 'ok'
    and coalesce(
        abs(subsidy_part + fee_part + price_part + difficulty_part - hashprice_log_change)
        > {{ rule['threshold'] }},
        true
    )
order by halving_number, window_days

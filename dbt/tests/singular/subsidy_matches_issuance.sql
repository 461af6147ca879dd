-- Days on which the network issued another subsidy than the halving schedule says.
{%- set rule = var('quality')['subsidy_matches_issuance'] %}
select
    date_utc,
    subsidy_btc,
    issued_per_block_btc
from {{ ref('fct_mining_economics') }}
where abs(issued_per_block_btc / nullif(subsidy_btc, 0) - 1) > {{ rule['threshold'] }}
order by date_utc

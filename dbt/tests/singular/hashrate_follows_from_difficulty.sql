-- Days whose reported hashrate is not difficulty x 2^32 x blocks / 86400.
{%- set rule = var('quality')['hashrate_follows_from_difficulty'] %}
select
    network.date_utc,
    network.hashrate_eh_s as reported_eh_s,
    economics.network_eh_s as implied_eh_s
from {{ ref('stg_network_metrics') }} as network
inner join {{ ref('fct_mining_economics') }} as economics
    on network.date_utc = economics.date_utc
where
    abs(network.hashrate_eh_s / nullif(economics.network_eh_s, 0) - 1) > {{ rule['threshold'] }}
    or economics.network_eh_s is null
order by network.date_utc

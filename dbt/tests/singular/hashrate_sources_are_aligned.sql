-- Second sources of the hashrate whose changes do not follow the first one's on the day they
-- are stored under, or follow better a day off: their days are not what their rows say.
{%- set rule = var('quality')['hashrate_sources_are_aligned'] %}
{%- set least = var('quality')['least_days_of_hashrate'] %}
with

correlations as (

    select * from {{ ref('int_hashrate_correlations') }}
    where n_days >= {{ least['threshold'] }}

),

by_source as (

    select
        source,
        max(n_days) filter (where offset_days = 0) as n_days,
        max(change_correlation) filter (where offset_days = -1) as correlation_a_day_earlier,
        max(change_correlation) filter (where offset_days = 0) as correlation_as_stored,
        max(change_correlation) filter (where offset_days = 1) as correlation_a_day_later
    from correlations
    group by source

)

select * from by_source
where
    correlation_as_stored is null
    or correlation_as_stored < {{ rule['threshold'] }}
    or correlation_as_stored <= coalesce(correlation_a_day_earlier, -1)
    or correlation_as_stored <= coalesce(correlation_a_day_later, -1)
order by source

-- Grain: one row per second source of the hashrate and offset in days (-1, 0, 1).
-- A view: only a check reads it, and what the check says must follow the figures at once.
{{ config(materialized='view') }}
with

network as (

    select * from {{ ref('stg_network_metrics') }}

),

estimates as (

    select * from {{ ref('stg_network_metrics_second_source') }}

),

offsets as (

    select -1 as offset_days
    union all
    select 0 as offset_days
    union all
    select 1 as offset_days

),

-- Changes from one day to the next: levels share the network's growth, which makes any two
-- days look alike over years.
network_changes as (

    select
        date_utc,
        case
            when lag(date_utc) over by_day = date_utc - 1
                then ln(hashrate_eh_s / lag(hashrate_eh_s) over by_day)
        end as change
    from network
    window by_day as (order by date_utc)

),

estimate_changes as (

    select
        source,
        is_independent,
        date_utc,
        case
            when lag(date_utc) over by_day = date_utc - 1
                then ln(hashrate_eh_s / lag(hashrate_eh_s) over by_day)
        end as change
    from estimates
    window by_day as (partition by source order by date_utc)

),

paired as (

    select
        estimate_changes.source,
        estimate_changes.is_independent,
        offsets.offset_days,
        network_changes.change as first_change,
        estimate_changes.change as second_change
    from estimate_changes
    cross join offsets
    inner join network_changes
        on network_changes.date_utc + offsets.offset_days = estimate_changes.date_utc
    where
        network_changes.change is not null
        and estimate_changes.change is not null

),

correlated as (

    select
        source,
        bool_and(is_independent) as is_independent,
        offset_days,
        count(*) as n_days,
        -- A series that never moves has no correlation, not a NaN.
        case
            when var_pop(first_change) > 0 and var_pop(second_change) > 0
                then corr(first_change, second_change)
        end as change_correlation
    from paired
    group by source, offset_days

)

select * from correlated

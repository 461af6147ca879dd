-- Grain: one row per UTC day and source.
with

source as (

    select * from {{ source('raw', 'network_metrics_second_source') }}

),

renamed as (

    select
        date_utc,
        stamped_date,
        hashrate_eh_s,
        is_independent,
        source
    from source

)

select * from renamed

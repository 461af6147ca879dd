-- Grain: one row per session of the New York Stock Exchange.
with

source as (

    select * from {{ source('raw', 'exchange_sessions') }}

),

renamed as (

    select
        session_date,
        opens_at,
        closes_at,
        is_early_close
    from source

)

select * from renamed

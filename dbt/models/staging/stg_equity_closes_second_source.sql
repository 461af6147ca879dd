-- Grain: one row per ticker and session.
with

source as (

    select * from {{ source('raw', 'equity_closes_second_source') }}

),

renamed as (

    select
        ticker,
        session_date,
        nullif(greatest(close, 0), 0) as close_usd,
        source
    from source

)

select * from renamed

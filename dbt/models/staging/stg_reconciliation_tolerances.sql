-- Grain: one row per compared table and ticker.
with

source as (

    select * from {{ source('raw', 'reconciliation_tolerances') }}

),

renamed as (

    select
        table_name,
        ticker,
        field,
        tolerance,
        reason,
        decided_date
    from source

)

select * from renamed

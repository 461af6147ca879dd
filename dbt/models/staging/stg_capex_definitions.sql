-- Grain: one row per company and wording of capital expenditure.
with

source as (

    select * from {{ source('raw', 'capex_definitions') }}

),

renamed as (

    select
        ticker,
        definition,
        definition_id,
        bound,
        reason
    from source

)

select * from renamed

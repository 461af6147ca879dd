-- Grain: one row per ticker and metric.
with

source as (

    select * from {{ source('raw', 'search_coverage') }}

),

renamed as (

    select
        ticker,
        metric,
        searched_to as searched_to_date,
        finding,
        note
    from source

)

select * from renamed

-- Grain: one row per ticker, date, metric, period, basis and source.
with

source as (

    select * from {{ source('raw', 'company_facts') }}

),

renamed as (

    select
        ticker,
        as_of_date,
        metric,
        value,
        unit,
        period,
        period_start as period_start_date,
        known_at as known_date,
        {{ end_of_day_new_york('known_at') }} as known_at,
        known_at_basis,
        power_basis,
        value_basis,
        source_name,
        source_url,
        source_quality
    from source

)

select * from renamed

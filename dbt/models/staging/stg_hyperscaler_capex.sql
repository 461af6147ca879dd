-- Grain: one row per company, period, definition, kind, announcement day and source.
with

source as (

    select * from {{ source('raw', 'hyperscaler_capex') }}

),

renamed as (

    select
        company as company_name,
        ticker,
        fiscal_period,
        period_start as period_start_date,
        period_end as period_end_date,
        capex_usd,
        definition,
        kind,
        announced_on as announced_date,
        announced_on_basis,
        source_url,
        source_quality
    from source

)

select * from renamed

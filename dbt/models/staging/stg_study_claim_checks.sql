-- Grain: one row per claim and check.
with

source as (

    select * from {{ source('raw', 'study_claim_checks') }}

),

renamed as (

    select
        claim_id,
        check_number,
        measure_id,
        comparison,
        decides,
        coalesce(is_proxy, false) as is_proxy,
        event_id,
        tickers,
        role,
        announcement_ids,
        cited_claim_ids,
        fiscal_period,
        definition,
        base_fiscal_period,
        base_definition,
        first_date,
        last_date,
        known_by_date,
        expected_low,
        expected_high,
        expected_text,
        tolerance,
        unit,
        reason,
        decided_date
    from source

)

select * from renamed

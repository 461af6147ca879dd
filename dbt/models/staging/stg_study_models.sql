-- Grain: one row per model.
with

source as (

    select * from {{ source('raw', 'study_models') }}

),

renamed as (

    select
        model_id,
        nullif(trim(factors), '') as factors,
        is_headline,
        reason,
        coalesce(method, 'ols') as method,
        coalesce(return_kind, 'simple') as return_kind,
        coalesce(leverage, 'model') as leverage,
        coalesce(mask_other_events, false) as mask_other_events
    from source

)

select * from renamed

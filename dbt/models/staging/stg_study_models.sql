-- Grain: one row per model.
with

source as (

    select * from {{ source('raw', 'study_models') }}

),

renamed as (

    select
        model_id,
        factors,
        is_headline,
        reason
    from source

)

select * from renamed

-- Grain: one row per model and factor number.
with

models as (

    select * from {{ ref('int_study_models') }}

),

factors as (

    select
        model_id,
        generate_subscripts(factor_list, 1) as factor_number,
        unnest(factor_list) as factor
    from models

)

select * from factors

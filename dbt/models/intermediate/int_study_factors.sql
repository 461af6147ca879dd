-- Grain: one row per model and factor number.
with

models as (

    select * from {{ ref('int_study_models') }}

),

numbered as (

    select
        model_id,
        factor_list,
        {{ each_number(1, list_size('factor_list')) }} as factor_number
    from models

),

factors as (

    select
        model_id,
        cast(factor_number as bigint) as factor_number,
        {{ list_item('factor_list', 'factor_number') }} as factor
    from numbered

)

select * from factors

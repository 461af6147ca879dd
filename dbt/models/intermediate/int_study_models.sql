-- Grain: one row per model.
with

models as (

    select * from {{ ref('stg_study_models') }}

),

ranked as (

    select
        model_id,
        list_filter(string_split(factors, ';'), lambda ticker: trim(ticker) <> '') as factor_list,
        -- Exactly one headline, whatever the file says: the first by name among those marked.
        row_number() over (order by is_headline desc, model_id asc) = 1 as is_headline
    from models

),

counted as (

    select
        model_id,
        is_headline,
        factor_list,
        len(factor_list) as n_factors,
        -- Regressors with the intercept.
        len(factor_list) + 1 as n_coefficients,
        -- A market model has one factor; any other number would be another model in its name.
        model_id = 'market_model' and len(factor_list) = 1 as is_supported
    from ranked

)

select * from counted

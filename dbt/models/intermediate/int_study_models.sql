-- Grain: one row per model.
with

models as (

    select * from {{ ref('stg_study_models') }}

),

listed as (

    select
        *,
        list_filter(
            list_transform(
                string_split(coalesce(factors, ''), ';'), lambda factor: trim(factor)
            ),
            lambda factor: factor <> ''
        ) as factor_list
    from models

),

counted as (

    select
        model_id,
        method,
        return_kind,
        leverage,
        mask_other_events,
        is_headline,
        factor_list,
        case
            when len(factor_list) > {{ var('max_factors') }}
                then error(
                        'study/models.csv: ' || model_id || ' has '
                        || cast(len(factor_list) as varchar)
                        || ' factors, but the models were compiled for {{ var("max_factors") }}: '
                        'pass --vars ''{max_factors: '
                        || cast(len(factor_list) as varchar) || '}'' (make run does)'
                    )
            else len(factor_list)
        end as n_factors,
        -- The other methods take their factor as it is and estimate no slope.
        case when method = 'ols' then len(factor_list) else 0 end as n_regressors,
        case when method = 'ols' then len(factor_list) else 0 end + 1 as n_coefficients
    from listed

)

select * from counted

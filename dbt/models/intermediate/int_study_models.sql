-- Grain: one row per model.
with

models as (

    select * from {{ ref('stg_study_models') }}

),

listed as (

    select
        *,
        {{ kept(parts_of("coalesce(factors, '')"), 'factor', "factor <> ''") }} as factor_list
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
            when {{ list_size('factor_list') }} > {{ var('max_factors') }}
                then {{ refused("
                    'study/models.csv: ' || model_id || ' has '
                    || cast(" ~ list_size('factor_list') ~ " as string)
                    || ' factors, but the models were compiled for " ~ var('max_factors') ~ ": '
                    || 'pass --vars ''{max_factors: '
                    || cast(" ~ list_size('factor_list') ~ " as string) || '}'' (make run does)'
                ") }}
            else {{ list_size('factor_list') }}
        end as n_factors,
        -- The other methods take their factor as it is and estimate no slope.
        case when method = 'ols' then {{ list_size('factor_list') }} else 0 end as n_regressors,
        case when method = 'ols' then {{ list_size('factor_list') }} else 0 end + 1 as n_coefficients
    from listed

)

select * from counted

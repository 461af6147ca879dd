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

named as (

    select
        *,
        {{ kept('factor_list', 'factor', "factor <> 'bitcoin'") }} as market_factors
    from listed

),

final as (

    select
        model_id,
        method,
        return_kind,
        leverage,
        mask_other_events,
        is_headline,
        factor_list,
        -- What readers see as the market: the first factor that is not bitcoin.
        case
            when {{ list_size('market_factors') }} > 0 then {{ list_item('market_factors', 1) }}
        end as market_factor
    from named

)

select * from final

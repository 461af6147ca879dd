-- Grain: one row per event, ticker, model and factor number of the models that estimate slopes.
with

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where method = 'ols'

),

event_factors as (

    select * from {{ ref('int_event_factors') }}

),

listed as (

    select
        estimates.event_id,
        estimates.ticker,
        estimates.model_id,
        event_factors.factor_number,
        event_factors.factor,
        event_factors.factor_source,
        event_factors.is_asynchronous,
        case event_factors.factor_number
            {%- for j in range(1, var('max_factors') + 1) %}
            when {{ j }} then estimates.factor_beta_{{ j }}
            {%- endfor %}
        end as beta,
        estimates.series_status as status
    from estimates
    inner join event_factors on estimates.panel_number = event_factors.panel_number

)

select * from listed
order by event_id, ticker, model_id, factor_number

-- Grain: one row per event, firm, model and window with a cumulative abnormal return.
{%- set keys = ['panel_number', 'firm_number'] %}
with

cars as (

    select * from {{ ref('int_event_windows') }}
    where status = 'ok'

),

residuals as (

    select * from {{ ref('int_event_residuals') }}

),

{{ rolling_residuals('residuals', keys, 'rolled') }},

{{ residual_quantiles('cars', 'rolled', keys, 'quantiles') }},

shares as (

    select
        panel_number,
        firm_number,
        window_id,
        n_sums as n_quantile_sums,
        (1e0 + n_at_or_below) / (1 + n_sums) as sq_p_lower,
        (1e0 + n_at_or_beyond) / (1 + n_sums) as sq_p_two_sided
    from quantiles

)

select * from shares

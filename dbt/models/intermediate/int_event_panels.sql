-- Grain: one row per event with data and model.
-- Indents of loops over factors cannot satisfy the rule.
-- noqa: disable=LT02
{%- set n = var('max_factors') %}
with

event_models as (

    select * from {{ ref('int_event_models') }}

),

event_factors as (

    select * from {{ ref('int_event_factors') }}

),

basis as (

    select * from {{ ref('int_event_basis') }}

),

terms as (

    select
        panel_number,
        count(*) filter (where is_estimation) as n_sessions,
        bool_or(rel_day = 0) as has_factors_on_t0,
        bool_or(is_collinear) as is_collinear
        {%- for j in range(1, n + 1) %},
        any_value(factor_mean_{{ j }}) as factor_mean_{{ j }}
        {%- for i in range(1, j) %},
        any_value(c_{{ j }}_{{ i }}) as c_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from basis
    group by panel_number

),

sources as (

    -- What a reader must know of the bitcoin factor, and where it and the market stand.
    select
        panel_number,
        max(case when factor = 'bitcoin' then factor_source end) as factor_source,
        bool_or(is_asynchronous) as is_asynchronous,
        min(case when factor = 'bitcoin' then factor_number end) as bitcoin_number,
        min(case when factor <> 'bitcoin' then factor_number end) as market_number,
        arg_min(case when factor <> 'bitcoin' then factor end, factor_number) as market_factor
    from event_factors
    group by panel_number

),

joined as (

    select
        event_models.*,
        coalesce(terms.n_sessions, 0) as n_sessions,
        coalesce(terms.has_factors_on_t0, false) as has_factors_on_t0,
        coalesce(terms.is_collinear, false) as is_collinear,
        sources.factor_source,
        coalesce(sources.is_asynchronous, false) as is_asynchronous,
        sources.bitcoin_number,
        sources.market_number,
        sources.market_factor
        {%- for j in range(1, n + 1) %},
        terms.factor_mean_{{ j }}
        {%- for i in range(1, j) %},
        terms.c_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from event_models
    left join terms on event_models.panel_number = terms.panel_number
    left join sources on event_models.panel_number = sources.panel_number

)

select * from joined

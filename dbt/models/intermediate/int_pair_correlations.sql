-- Grain: one row per event with data, model and pair of firms that share a group, one at least without every session.
with

pairs as (

    select * from {{ ref('int_pairs') }}

),

fits as (

    select * from {{ ref('int_event_fits') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

paired_firms as (

    select
        panel_number,
        left_firm_number as firm_number
    from pairs
    union
    select
        panel_number,
        right_firm_number as firm_number
    from pairs

),

{{ estimation_panel('panel', series='paired_firms') }},

{{ estimation_residuals('panel', 'fits', 'residuals') }},

correlated as (

    select
        pairs.panel_number,
        pairs.left_firm_number,
        pairs.right_firm_number,
        count(*) as n_common_sessions,
        -- Centred on the common sessions; a series that is constant there has no correlation.
        covar_pop(left_residuals.residual, right_residuals.residual) / nullif(
            stddev_pop(left_residuals.residual) * stddev_pop(right_residuals.residual), 0
        ) as residual_correlation
    from pairs
    inner join residuals as left_residuals
        on
            pairs.panel_number = left_residuals.panel_number
            and pairs.left_firm_number = left_residuals.firm_number
    inner join residuals as right_residuals
        on
            pairs.panel_number = right_residuals.panel_number
            and pairs.right_firm_number = right_residuals.firm_number
            and left_residuals.rel_day = right_residuals.rel_day
    group by pairs.panel_number, pairs.left_firm_number, pairs.right_firm_number

),

judged as (

    select
        correlated.*,
        correlated.n_common_sessions >= parameters.min_common_sessions
        and correlated.residual_correlation is not null as is_usable
    from correlated
    cross join parameters

)

select * from judged

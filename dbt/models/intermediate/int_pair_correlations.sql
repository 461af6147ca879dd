-- Grain: one row per event with data, model and pair of firms that share a group and of which one at least lacks sessions.
with

occasions as (

    select * from {{ ref('int_occasions') }}

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

residuals as (

    select * from {{ ref('int_event_residuals') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

firms as (

    select
        members.occasion_id,
        members.group_id,
        estimates.panel_number,
        estimates.firm_number,
        estimates.is_complete
    from members
    inner join occasions on members.occasion_id = occasions.occasion_id
    inner join estimates
        on
            occasions.leading_event_id = estimates.event_id
            and members.ticker = estimates.ticker

),

pairs as (

    -- Once per event, however many groups share the pair. Pairs that have every session need no
    -- row here: their mean follows from sums over the firms (int_sample_correlations).
    select distinct
        left_firms.panel_number,
        left_firms.firm_number as left_firm_number,
        right_firms.firm_number as right_firm_number
    from firms as left_firms
    inner join firms as right_firms
        on
            left_firms.occasion_id = right_firms.occasion_id
            and left_firms.group_id = right_firms.group_id
            and left_firms.panel_number = right_firms.panel_number
            and left_firms.firm_number < right_firms.firm_number
    where not (left_firms.is_complete and right_firms.is_complete)

),

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

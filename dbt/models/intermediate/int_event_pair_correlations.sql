-- Grain: one row per event, model and pair of firms that share a group.
with

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

members as (

    select * from {{ ref('int_event_group_members') }}

),

study_returns as (

    select * from {{ ref('int_study_returns') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

pairs as (

    -- Once per event, however many groups share the pair.
    select distinct
        left_members.event_id,
        left_members.ticker as left_ticker,
        right_members.ticker as right_ticker
    from members as left_members
    inner join members as right_members
        on
            left_members.event_id = right_members.event_id
            and left_members.group_id = right_members.group_id
            and left_members.ticker < right_members.ticker

),

residuals as (

    select
        estimates.event_id,
        estimates.model_id,
        estimates.ticker,
        study_returns.session_number,
        study_returns.ret - estimates.alpha
        - estimates.beta_market * study_returns.market_return as residual
    from estimates
    inner join study_returns
        on
            estimates.ticker = study_returns.ticker
            and estimates.model_id = study_returns.model_id
            and study_returns.session_number between estimates.estimation_first_number
            and estimates.estimation_last_number

),

correlated as (

    select
        pairs.event_id,
        left_residuals.model_id,
        pairs.left_ticker,
        pairs.right_ticker,
        count(*) as n_common_sessions,
        -- Centred on the common sessions; a series that is constant there has no correlation.
        covar_pop(left_residuals.residual, right_residuals.residual) / nullif(
            stddev_pop(left_residuals.residual) * stddev_pop(right_residuals.residual), 0
        ) as residual_correlation
    from pairs
    inner join residuals as left_residuals
        on
            pairs.event_id = left_residuals.event_id
            and pairs.left_ticker = left_residuals.ticker
    inner join residuals as right_residuals
        on
            pairs.event_id = right_residuals.event_id
            and pairs.right_ticker = right_residuals.ticker
            and left_residuals.model_id = right_residuals.model_id
            and left_residuals.session_number = right_residuals.session_number
    group by
        pairs.event_id, left_residuals.model_id, pairs.left_ticker, pairs.right_ticker

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

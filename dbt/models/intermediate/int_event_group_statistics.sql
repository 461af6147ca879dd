-- Grain: one row per event, group, model and window.
with

events as (

    select event_id from {{ ref('int_events') }}

),

groups as (

    select group_id from {{ ref('stg_study_groups') }}

),

models as (

    select
        model_id,
        is_headline,
        n_coefficients
    from {{ ref('int_study_models') }}

),

windows as (

    select window_id from {{ ref('int_study_windows') }}

),

members as (

    select * from {{ ref('int_event_group_members') }}

),

firm_windows as (

    select * from {{ ref('int_event_windows') }}
    where status = 'ok'

),

correlations as (

    select * from {{ ref('int_event_group_correlations') }}

),

portfolios as (

    select * from {{ ref('int_event_portfolios') }}

),

member_counts as (

    select
        event_id,
        group_id,
        count(*) as n_members
    from members
    group by event_id, group_id

),

standardised as (

    select
        members.event_id,
        members.group_id,
        firm_windows.model_id,
        firm_windows.window_id,
        firm_windows.car,
        firm_windows.car / nullif(firm_windows.car_sd_pred, 0) as scar,
        -- Variance of a t variable with n - k degrees of freedom; it has none up to two.
        case
            when firm_windows.n_est > models.n_coefficients + 2
                then
                    1.0 * (firm_windows.n_est - models.n_coefficients)
                    / (firm_windows.n_est - models.n_coefficients - 2)
        end as scar_variance
    from members
    inner join firm_windows
        on members.event_id = firm_windows.event_id and members.ticker = firm_windows.ticker
    inner join models on firm_windows.model_id = models.model_id

),

summed as (

    select
        event_id,
        group_id,
        model_id,
        window_id,
        count(*) as n_firms,
        avg(car) as caar,
        median(car) as median_car,
        avg(case when car < 0 then 1.0 else 0.0 end) as share_negative,
        -- A spread that is only rounding (equal firms) is no spread.
        case when stddev_samp(car) > 1e-12 * sqrt(avg(car * car)) then stddev_samp(car) end
            as car_sd,
        avg(scar) as scar_mean,
        case when stddev_samp(scar) > 1e-12 * sqrt(avg(scar * scar)) then stddev_samp(scar) end
            as scar_sd,
        sum(scar) as scar_sum,
        case when count(scar_variance) = count(*) then sum(scar_variance) end
            as scar_variance_sum
    from standardised
    group by event_id, group_id, model_id, window_id

),

framed as (

    select
        events.event_id,
        groups.group_id,
        models.model_id,
        models.is_headline as is_headline_model,
        windows.window_id,
        coalesce(summed.n_firms, 0) as n_firms,
        coalesce(member_counts.n_members, 0) - coalesce(summed.n_firms, 0) as n_firms_dropped,
        summed.caar,
        summed.median_car,
        summed.share_negative,
        summed.car_sd,
        summed.scar_mean,
        summed.scar_sd,
        summed.scar_sum,
        summed.scar_variance_sum,
        correlations.rbar,
        coalesce(correlations.n_pairs_dropped, 0) as n_pairs_dropped,
        -- How many times the variance of a mean grows through the correlation.
        case
            when summed.n_firms = 1 then 1
            else 1 + (summed.n_firms - 1) * correlations.rbar
        end as variance_inflation,
        coalesce(portfolios.status, 'no_firms') as portfolio_status,
        portfolios.car as portfolio_car,
        portfolios.car_sd_pred as portfolio_sd_pred,
        portfolios.car_t_pred as portfolio_t_pred,
        portfolios.df_resid as portfolio_df,
        portfolios.sq_p_lower as portfolio_sq_p_lower,
        portfolios.sq_p_two_sided as portfolio_sq_p_two_sided
    from events
    cross join groups
    cross join models
    cross join windows
    left join member_counts
        on events.event_id = member_counts.event_id and groups.group_id = member_counts.group_id
    left join summed
        on
            events.event_id = summed.event_id
            and groups.group_id = summed.group_id
            and models.model_id = summed.model_id
            and windows.window_id = summed.window_id
    left join correlations
        on
            events.event_id = correlations.event_id
            and groups.group_id = correlations.group_id
            and models.model_id = correlations.model_id
            and windows.window_id = correlations.window_id
    left join portfolios
        on
            events.event_id = portfolios.event_id
            and groups.group_id = portfolios.group_id
            and models.model_id = portfolios.model_id
            and windows.window_id = portfolios.window_id

)

select * from framed

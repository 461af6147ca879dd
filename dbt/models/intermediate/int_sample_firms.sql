-- Grain: one row per sample and firm with a cumulative abnormal return.
with

samples as (

    select * from {{ ref('int_samples') }}

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

firm_windows as (

    select * from {{ ref('int_event_windows') }}
    where status = 'ok'

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

joined as (

    select
        samples.sample_number,
        firm_windows.panel_number,
        firm_windows.firm_number,
        firm_windows.window_id,
        firm_windows.n_days,
        firm_windows.car,
        firm_windows.car_t_pred as scar,
        estimates.n_est,
        estimates.is_complete,
        estimates.resid_sd,
        -- Variance of a t variable with n - k degrees of freedom; it has none up to two.
        case
            when estimates.df_resid > 2
                then 1e0 * estimates.df_resid / (estimates.df_resid - 2)
        end as scar_variance
    from samples
    inner join members
        on samples.occasion_id = members.occasion_id and samples.group_id = members.group_id
    inner join firm_windows
        on
            samples.panel_number = firm_windows.panel_number
            and members.ticker = firm_windows.ticker
            and samples.window_id = firm_windows.window_id
    inner join estimates
        on
            firm_windows.panel_number = estimates.panel_number
            and firm_windows.firm_number = estimates.firm_number

)

select * from joined

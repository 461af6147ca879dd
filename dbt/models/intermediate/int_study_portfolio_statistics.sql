-- Grain: one row per pool (study, group, model and window) with a portfolio.
with

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

portfolio_windows as (

    select * from {{ ref('int_portfolio_windows') }}

),

tested_portfolios as (

    -- Portfolios of an exposure slope have their own use (int_portfolio_quantiles).
    select distinct portfolio_number from study_samples

),

residuals as (

    select portfolio_residuals.*
    from {{ ref('int_portfolio_residuals') }} as portfolio_residuals
    inner join tested_portfolios
        on portfolio_residuals.portfolio_number = tested_portfolios.portfolio_number

),

sample_baskets as (

    select * from {{ ref('int_sample_baskets') }}

),

basket_statistics as (

    select * from {{ ref('int_basket_statistics') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

dates as (

    select
        study_samples.pool_number,
        study_samples.sample_number,
        study_samples.portfolio_number,
        portfolio_windows.n_days,
        portfolio_windows.status,
        portfolio_windows.df_resid,
        portfolio_windows.resid_sd,
        portfolio_windows.car,
        portfolio_windows.car_sd_pred
    from study_samples
    inner join portfolio_windows
        on
            study_samples.portfolio_number = portfolio_windows.portfolio_number
            and study_samples.window_id = portfolio_windows.window_id

),

pooled as (

    -- One observation per date; variances of different dates add. The degrees of freedom of such
    -- a sum are Satterthwaite's; for one date they are the portfolio's own.
    select
        pool_number,
        count(*) filter (where status = 'ok') as n_dates,
        case when bool_or(status = 'ok') then 'ok' else min(status) end as status,
        sum(car) as car_sum,
        sqrt(sum(power(car_sd_pred, 2))) as car_sd,
        case
            when count(car) = 1 then 1e0 * max(case when status = 'ok' then df_resid end)
            else
                power(sum(power(car_sd_pred, 2)), 2)
                / sum(power(car_sd_pred, 4) / nullif(df_resid, 0))
        end as df,
        sum(car / resid_sd) as standardised_car
    from dates
    group by pool_number

),

{{ rolling_residuals('residuals', ['portfolio_number'], 'rolled') }},

quantile_sums as (

    -- What the dates' portfolios did together on the same relative day of a quiet time.
    select
        dates.pool_number,
        rolled.rel_day,
        sum(rolled.residual_sum / dates.resid_sd) as standardised_sum,
        count(*) as n_dates
    from dates
    inner join rolled
        on dates.portfolio_number = rolled.portfolio_number and dates.n_days = rolled.n_days
    where dates.status = 'ok'
    group by dates.pool_number, rolled.rel_day

),

quantiles as (

    select
        pooled.pool_number,
        count(*) as n_sums,
        (
            1e0 + count(*) filter (
                where quantile_sums.standardised_sum <= pooled.standardised_car
            )
        ) / (1 + count(*)) as sq_p_lower,
        (
            1e0 + count(*) filter (
                where abs(quantile_sums.standardised_sum) >= abs(pooled.standardised_car)
            )
        ) / (1 + count(*)) as sq_p_two_sided
    from pooled
    inner join quantile_sums
        on
            pooled.pool_number = quantile_sums.pool_number
            and pooled.n_dates = quantile_sums.n_dates
    group by pooled.pool_number

),

sample_means as (

    select
        sample_number,
        any_value(n_days) as n_days,
        avg(car) as caar
    from sample_firms
    group by sample_number

),

crude as (

    -- The spread of the mean abnormal return from session to session, nothing else.
    select
        study_samples.pool_number,
        sum(sample_means.caar) as caar_sum,
        sqrt(sum(sample_means.n_days * power(basket_statistics.mean_abnormal_sd, 2))) as caar_sd,
        case
            when count(*) = 1 then max(basket_statistics.n_estimation_days) - 1e0
            else
                power(sum(sample_means.n_days * power(basket_statistics.mean_abnormal_sd, 2)), 2)
                / nullif(
                    sum(
                        power(sample_means.n_days * power(basket_statistics.mean_abnormal_sd, 2), 2)
                        / nullif(basket_statistics.n_estimation_days - 1, 0)
                    ),
                    0
                )
        end as df
    from study_samples
    inner join sample_means on study_samples.sample_number = sample_means.sample_number
    inner join sample_baskets on study_samples.sample_number = sample_baskets.sample_number
    inner join basket_statistics
        on sample_baskets.basket_number = basket_statistics.basket_number
    group by study_samples.pool_number

),

joined as (

    select
        pooled.pool_number,
        pooled.status,
        pooled.n_dates,
        pooled.df,
        pooled.car_sum,
        pooled.car_sd,
        quantiles.sq_p_lower,
        quantiles.sq_p_two_sided,
        crude.caar_sum,
        crude.caar_sd,
        crude.df as crude_df
    from pooled
    left join quantiles on pooled.pool_number = quantiles.pool_number
    left join crude on pooled.pool_number = crude.pool_number

)

select * from joined

-- Grain: one row per pool (study, group, model and window) whose standardised returns spread.
with

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

residuals as (

    select * from {{ ref('int_event_residuals') }}

),

ranked as (

    -- Residuals nearer than a rounding error are equal. Standardising a firm's residuals does
    -- not change their order, so they are ranked as they are.
    select
        panel_number,
        firm_number,
        rel_day,
        round(residual, 12) as ranked_value,
        {{ mean_rank('by_value') }} as mean_rank
    from residuals
    window by_value as (partition by panel_number, firm_number order by round(residual, 12))

),

spread as (

    -- A spread that is only rounding (equal firms) is no spread.
    select
        study_samples.pool_number,
        case
            when
                stddev_samp(sample_firms.scar) > 1e-12 * sqrt(avg(power(sample_firms.scar, 2)))
                then stddev_samp(sample_firms.scar)
        end as scar_sd
    from study_samples
    inner join sample_firms on study_samples.sample_number = sample_firms.sample_number
    group by study_samples.pool_number

),

pool_firms as (

    -- Re-standardised between the firms, then back on the scale of the firm's residuals, to be
    -- ranked among them as one extra day.
    select
        study_samples.pool_number,
        study_samples.sample_number,
        sample_firms.panel_number,
        sample_firms.firm_number,
        sample_firms.n_est + 2 as n_shares,
        round(sample_firms.scar / spread.scar_sd * sample_firms.resid_sd, 12) as extra_value
    from study_samples
    inner join sample_firms on study_samples.sample_number = sample_firms.sample_number
    inner join spread on study_samples.pool_number = spread.pool_number
    where spread.scar_sd is not null

),

date_days as (

    select
        pool_firms.pool_number,
        pool_firms.sample_number,
        ranked.rel_day,
        count(*) as n_firms,
        sum(
            (
                ranked.mean_rank
                + case
                    when pool_firms.extra_value < ranked.ranked_value then 1
                    when pool_firms.extra_value = ranked.ranked_value then 0.5
                    else 0
                end
            ) / pool_firms.n_shares
        ) as share_sum,
        -- What the day adds to the rank of the extra one.
        sum(
            case
                when pool_firms.extra_value > ranked.ranked_value then 1
                when pool_firms.extra_value = ranked.ranked_value then 0.5
                else 0
            end / pool_firms.n_shares
        ) as extra_share_sum
    from pool_firms
    inner join ranked
        on
            pool_firms.panel_number = ranked.panel_number
            and pool_firms.firm_number = ranked.firm_number
    group by pool_firms.pool_number, pool_firms.sample_number, ranked.rel_day

),

days as (

    -- The dates of a study are aligned by relative day; each date counts once.
    select
        pool_number,
        rel_day,
        sum(n_firms) as n_firms,
        avg(share_sum / n_firms - 0.5) as mean_share
    from date_days
    group by pool_number, rel_day

),

extra_parts as (

    select
        pool_number,
        sample_number,
        sum(extra_share_sum) as extra_share_sum
    from date_days
    group by pool_number, sample_number

),

firm_sums as (

    select
        pool_number,
        sample_number,
        count(*) as n_firms,
        sum(1.0 / n_shares) as own_part
    from pool_firms
    group by pool_number, sample_number

),

extra_days as (

    -- The extra day's mean share: sessions below it, and itself.
    select
        firm_sums.pool_number,
        sum(firm_sums.n_firms) as n_firms,
        avg(
            (extra_parts.extra_share_sum + firm_sums.own_part) / firm_sums.n_firms - 0.5
        ) as mean_share
    from firm_sums
    inner join extra_parts
        on
            firm_sums.pool_number = extra_parts.pool_number
            and firm_sums.sample_number = extra_parts.sample_number
    group by firm_sums.pool_number

),

squares as (

    select
        pool_number,
        count(*) as n_estimation_days,
        sum(n_firms * power(mean_share, 2)) as weighted_squares
    from days
    group by pool_number

),

scaled as (

    select
        squares.pool_number,
        squares.n_estimation_days,
        extra_days.mean_share / nullif(
            sqrt(
                (
                    squares.weighted_squares / extra_days.n_firms
                    + power(extra_days.mean_share, 2)
                ) / (squares.n_estimation_days + 1)
            ),
            0
        ) as grank_z
    from squares
    inner join extra_days on squares.pool_number = extra_days.pool_number

)

select * from scaled

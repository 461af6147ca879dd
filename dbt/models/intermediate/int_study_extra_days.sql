-- Grain: one row per study, sample and session of the estimation windows.
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

windows as (

    select * from {{ ref('int_study_windows') }}

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

firms as (

    select
        study_samples.study_sample_number,
        sample_firms.panel_number,
        sample_firms.firm_number,
        1e0 / (sample_firms.n_est + 2) as rank_unit,
        -- One ranked session: its abnormal return is the cumulative one.
        case when windows.n_rank_rows = 1 then {{ tie_value('sample_firms.car') }} end
            as single_value,
        -- Re-standardised between the firms, then back on the scale of the firm's residuals, to be
        -- ranked among them as one extra day.
        {{ tie_value('sample_firms.scar / spread.scar_sd * sample_firms.resid_sd') }}
            as extra_value
    from study_samples
    inner join sample_firms on study_samples.sample_number = sample_firms.sample_number
    inner join spread on study_samples.pool_number = spread.pool_number
    inner join windows on study_samples.window_id = windows.window_id

),

compared as (

    -- A value ranked among the residuals adds one to the rank of those above it, one half to its
    -- equals.
    select
        firms.study_sample_number,
        residuals.rel_day,
        firms.rank_unit,
        (
            cast(firms.single_value < {{ tie_value('residuals.residual') }} as integer)
            + cast(firms.single_value <= {{ tie_value('residuals.residual') }} as integer)
        ) / 2e0 as single_step,
        (
            cast(firms.extra_value < {{ tie_value('residuals.residual') }} as integer)
            + cast(firms.extra_value <= {{ tie_value('residuals.residual') }} as integer)
        ) / 2e0 as extra_step
    from firms
    inner join residuals
        on
            firms.panel_number = residuals.panel_number
            and firms.firm_number = residuals.firm_number

),

summed as (

    select
        study_sample_number,
        rel_day,
        sum(single_step) as single_step_sum,
        sum(single_step * rank_unit) as single_step_share_sum,
        sum(extra_step * rank_unit) as extra_step_share_sum
    from compared
    group by study_sample_number, rel_day

)

select * from summed

-- Grain: one row per sample that ranks several sessions and session of its estimation windows or among those ranked.
with

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

residuals as (

    select * from {{ ref('int_event_residuals') }}

),

daily as (

    select * from {{ ref('int_event_daily') }}
    where ar is not null

),

windows as (

    select * from {{ ref('int_study_windows') }}
    where n_rank_rows > 1

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

series as (

    -- Ranks depend on the firm and the window, not on the group. One number for the three keys
    -- halves the time of the sort.
    select
        cast(
            row_number() over (
                order by
                    sample_firms.panel_number, sample_firms.firm_number,
                    sample_firms.window_id
            ) as integer
        ) as series_number,
        sample_firms.panel_number,
        sample_firms.firm_number,
        sample_firms.window_id
    from sample_firms
    inner join windows on sample_firms.window_id = windows.window_id
    group by sample_firms.panel_number, sample_firms.firm_number, sample_firms.window_id

),

ranked_rows as (

    select
        series.series_number,
        residuals.rel_day,
        true as is_estimation,
        {{ tie_value('residuals.residual') }} as ranked_value
    from series
    inner join residuals
        on
            series.panel_number = residuals.panel_number
            and series.firm_number = residuals.firm_number
    union all
    select
        series.series_number,
        daily.rel_day,
        false as is_estimation,
        {{ tie_value('daily.ar') }} as ranked_value
    from series
    inner join windows on series.window_id = windows.window_id
    cross join parameters
    inner join daily
        on
            series.panel_number = daily.panel_number
            and series.firm_number = daily.firm_number
            and daily.rel_day between windows.rank_first_day and windows.rank_last_day
            and daily.rel_day not between parameters.estimation_first_day
            and parameters.estimation_last_day

),

ranked as (

    select
        series_number,
        rel_day,
        is_estimation,
        count(*) over by_series as n_ranked,
        {{ mean_rank('by_value') }} as mean_rank
    from ranked_rows
    window
        by_series as (partition by series_number),
        by_value as (partition by series_number order by ranked_value)

),

summed as (

    select
        sample_firms.sample_number,
        ranked.rel_day,
        bool_or(ranked.is_estimation) as is_estimation,
        count(*) as n_firms,
        sum(ranked.mean_rank - (ranked.n_ranked + 1) / 2e0) as rank_deviation_sum,
        sum(ranked.mean_rank / (ranked.n_ranked + 1) - 5e-1) as rank_share_sum
    from sample_firms
    inner join series
        on
            sample_firms.panel_number = series.panel_number
            and sample_firms.firm_number = series.firm_number
            and sample_firms.window_id = series.window_id
    inner join ranked on series.series_number = ranked.series_number
    group by sample_firms.sample_number, ranked.rel_day

)

select * from summed

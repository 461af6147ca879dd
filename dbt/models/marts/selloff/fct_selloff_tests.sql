-- Grain: one row per study, group, model, window and test.
with

studies as (

    select distinct study_id from {{ ref('int_study_events') }}

),

groups as (

    select group_id from {{ ref('stg_study_groups') }}

),

models as (

    select
        model_id,
        is_headline
    from {{ ref('int_study_models') }}

),

windows as (

    select window_id from {{ ref('int_study_windows') }}

),

tests as (

    select * from {{ ref('int_study_tests') }}

),

results as (

    select * from {{ ref('int_group_tests') }}

),

event_counts as (

    -- A study none of whose events has prices says whether they lie before or after the data.
    select
        study_events.study_id,
        count(*) filter (where events.data_status = 'in_data') as n_events,
        max(events.data_status) filter (where events.data_status <> 'in_data')
            as missing_status
    from {{ ref('int_study_events') }} as study_events
    left join {{ ref('int_events') }} as events on study_events.event_id = events.event_id
    group by study_events.study_id

),

joined as (

    select
        studies.study_id,
        groups.group_id,
        models.model_id,
        windows.window_id,
        tests.test_id,
        event_counts.n_events,
        coalesce(results.n_dates, 0) as n_dates,
        coalesce(results.n_overlapping_dates, 0) as n_overlapping_dates,
        coalesce(results.n_firms, 0) as n_firms,
        coalesce(results.n_firms_dropped, 0) as n_firms_dropped,
        results.caar,
        results.median_car,
        results.share_negative,
        results.statistic,
        tests.reference_dist,
        results.df,
        results.p_two_sided,
        results.p_lower,
        results.p_two_sided_t,
        results.rbar,
        coalesce(results.n_pairs_dropped, 0) as n_pairs_dropped,
        results.effective_n,
        case
            when tests.test_id in ('corrado_rank', 'corrado_zivney') then results.rank_rows
        end as rank_rows,
        tests.assumes_independence,
        tests.is_default_headline and models.is_headline as is_headline,
        results.mde_80pct,
        coalesce(results.status, event_counts.missing_status, 'no_events') as status,
        tests.note
    from studies
    cross join groups
    cross join models
    cross join windows
    cross join tests
    inner join event_counts on studies.study_id = event_counts.study_id
    left join results
        on
            studies.study_id = results.study_id
            and groups.group_id = results.group_id
            and models.model_id = results.model_id
            and windows.window_id = results.window_id
            and tests.test_id = results.test_id

)

select * from joined
order by study_id, group_id, model_id, window_id, test_id

-- Grain: one row per event, group, exposure metric, window and firm of the group.
with

events as (

    -- Dates that only a set merges are no study of their own.
    select occasion_id as event_id from {{ ref('int_occasions') }}
    where {{ list_size('event_ids') }} = 1

),

members as (

    select * from {{ ref('int_occasion_group_members') }}

),

metrics as (

    select ranked_metrics.metric
    from (
        values
        ('hpc_contracted_mw'),
        ('hpc_mw_share'),
        ('ai_tilt')
    ) as ranked_metrics (metric)

),

exposure as (

    select * from {{ ref('int_exposure_metrics') }}

),

headline as (

    select model_id from {{ ref('int_study_models') }}
    where is_headline

),

firm_windows as (

    select firm_windows.*
    from {{ ref('int_event_windows') }} as firm_windows
    inner join headline on firm_windows.model_id = headline.model_id

),

joined as (

    -- A listed ticker that is no firm of the panel has no windows and no row: the group's tests
    -- count it as dropped.
    select
        events.event_id,
        members.group_id,
        metrics.metric,
        firm_windows.window_id,
        members.ticker,
        firm_windows.model_id,
        exposure.metric_value as exposure,
        firm_windows.raw_return,
        firm_windows.car,
        firm_windows.status,
        exposure.metric_value is not null and firm_windows.car is not null as is_ranked
    from events
    inner join members on events.event_id = members.occasion_id
    cross join metrics
    inner join firm_windows
        on
            events.event_id = firm_windows.event_id
            and members.ticker = firm_windows.ticker
    left join exposure
        on
            events.event_id = exposure.occasion_id
            and members.ticker = exposure.ticker
            and metrics.metric = exposure.metric

),

ranked as (

    -- Ranks are among the firms that have both: a rank among others could not be set against it.
    select
        *,
        count(*) filter (where is_ranked) over by_sample as n_ranked,
        case when is_ranked then {{ mean_rank('by_exposure') }} end as mean_exposure_rank,
        case when is_ranked then {{ mean_rank('by_car') }} end as mean_car_rank
    from joined
    window
        by_sample as (partition by event_id, group_id, metric, window_id),
        by_exposure as (
            partition by event_id, group_id, metric, window_id, is_ranked
            order by exposure desc
        ),
        by_car as (
            partition by event_id, group_id, metric, window_id, is_ranked
            order by {{ tie_value('car') }}
        )

),

reported as (

    select
        event_id,
        group_id,
        metric,
        window_id,
        ticker,
        model_id,
        exposure,
        raw_return,
        car,
        mean_exposure_rank as exposure_rank,
        mean_car_rank as abnormal_rank,
        n_ranked,
        case
            when status <> 'ok' then status
            when exposure is null then 'unknown_exposure'
            else 'ok'
        end as status
    from ranked

)

select * from reported
order by event_id, group_id, metric, window_id, exposure_rank, ticker

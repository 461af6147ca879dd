-- Grain: one row per event, ticker, model and session relative to the event session.
with

daily as (

    select * from {{ ref('int_event_daily') }}

),

span as (

    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from {{ ref('int_study_windows') }}

),

in_span as (

    select daily.*
    from daily
    inner join span on daily.rel_day between span.first_day and span.last_day

),

run as (

    select
        event_id,
        ticker,
        model_id,
        cast(rel_day as bigint) as rel_day,
        session_date,
        ret,
        market_return,
        expected,
        ar,
        s_pred,
        sar,
        -- A running sum that skipped a missing day would pass for the sum of all days.
        case
            when count(ar) over to_date = count(*) over to_date then sum(ar) over to_date
        end as car_running,
        case when ar is not null then rank() over by_size end as rank_in_window,
        volume_ratio_20d,
        series_status as status,
        nullif(
            concat_ws(
                ';',
                case when is_zero_volume then 'zero_volume' end,
                case when is_flat_bar then 'flat_bar' end,
                case when is_mixed_source then 'mixed_source' end
            ),
            ''
        ) as flags
    from in_span
    window
        to_date as (partition by event_id, ticker, model_id order by in_span.rel_day),
        by_size as (partition by event_id, ticker, model_id order by ar asc nulls last)

)

select * from run
order by event_id, ticker, model_id, rel_day

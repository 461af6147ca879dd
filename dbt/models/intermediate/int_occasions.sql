-- Grain: one row per occasion with data, whatever studies it belongs to.
with

study_occasions as (

    select * from {{ ref('int_study_occasions') }}
    where is_in_data

),

occasions as (

    -- Events that share a session share their prices: the first by name stands for them where
    -- a firm's own figures are meant.
    select
        occasion_id,
        any_value(leading_event_id) as leading_event_id,
        any_value(event_ids) as event_ids,
        any_value(t0_number) as t0_number
    from study_occasions
    group by occasion_id

)

select * from occasions

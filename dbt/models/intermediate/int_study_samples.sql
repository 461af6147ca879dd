-- Grain: one row per study and sample, one for each occasion of the study.
with

study_occasions as (

    select * from {{ ref('int_study_occasions') }}
    where is_in_data

),

samples as (

    select * from {{ ref('int_samples') }}

),

numbered as (

    -- One number for the row, one for what is pooled together.
    select
        cast(
            row_number() over (
                order by
                    study_occasions.study_id, samples.group_id, samples.model_id,
                    samples.window_id, samples.sample_number
            ) as integer
        ) as study_sample_number,
        cast(
            dense_rank() over (
                order by
                    study_occasions.study_id, samples.group_id, samples.model_id,
                    samples.window_id
            ) as integer
        ) as pool_number,
        study_occasions.study_id,
        samples.group_id,
        samples.model_id,
        samples.window_id,
        samples.n_days,
        samples.sample_number,
        samples.portfolio_number,
        samples.t0_number,
        {{ list_size('study_occasions.event_ids') }} as n_events,
        samples.n_members
    from study_occasions
    inner join samples on study_occasions.occasion_id = samples.occasion_id

)

select * from numbered

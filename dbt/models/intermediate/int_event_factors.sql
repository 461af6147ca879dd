-- Grain: one row per event with data, model and factor number.
with

event_models as (

    select * from {{ ref('int_event_models') }}

),

factors as (

    select * from {{ ref('int_study_factors') }}

),

factor_returns as (

    select * from {{ ref('int_factor_returns') }}

),

span as (

    select * from {{ ref('int_study_span') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

data_bounds as (

    select
        min(session_number) as first_number,
        max(session_number) as last_number
    from {{ ref('int_equity_returns') }}

),

wanted as (

    select
        event_models.panel_number,
        event_models.event_id,
        event_models.model_id,
        factors.factor_number,
        factors.factor,
        event_models.estimation_first_number,
        event_models.estimation_last_number,
        greatest(event_models.t0_number + span.first_day, data_bounds.first_number + 1)
            as span_first_number,
        least(event_models.t0_number + span.last_day, data_bounds.last_number)
            as span_last_number
    from event_models
    inner join factors on event_models.model_id = factors.model_id
    cross join span
    cross join data_bounds

),

covered as (

    select
        wanted.panel_number,
        wanted.factor_number,
        factor_returns.factor_source,
        factor_returns.source_priority,
        factor_returns.is_asynchronous,
        count(*) filter (
            where factor_returns.session_number between wanted.estimation_first_number
            and wanted.estimation_last_number
        ) as n_estimation,
        count(*) filter (
            where factor_returns.session_number between wanted.span_first_number
            and wanted.span_last_number
        ) as n_span
    from wanted
    inner join factor_returns on wanted.factor = factor_returns.factor
    group by
        wanted.panel_number, wanted.factor_number, factor_returns.factor_source,
        factor_returns.source_priority, factor_returns.is_asynchronous

),

chosen as (

    -- One source for all rows of a regression: the first that covers the event's sessions and
    -- enough of the estimation window, else the last resort, whose holes then show.
    select
        wanted.panel_number,
        wanted.event_id,
        wanted.model_id,
        wanted.factor_number,
        wanted.factor,
        covered.factor_source,
        coalesce(covered.is_asynchronous, false) as is_asynchronous
    from wanted
    cross join parameters
    left join covered
        on
            wanted.panel_number = covered.panel_number
            and wanted.factor_number = covered.factor_number
    qualify
        row_number() over (
            partition by wanted.panel_number, wanted.factor_number
            order by
                case
                    when
                        covered.n_span = wanted.span_last_number - wanted.span_first_number + 1
                        and covered.n_estimation >= parameters.min_estimation_sessions
                        then covered.source_priority
                    else 100 - covered.source_priority
                end
        ) = 1

)

select * from chosen

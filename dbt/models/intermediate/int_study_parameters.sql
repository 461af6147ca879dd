-- Grain: one row in all: the parameters of the study as columns.
with

parameters as (

    select * from {{ ref('stg_study_parameters') }}

),

pivoted as (

    select
        max(case when parameter = 'estimation_first_day' then value end) as estimation_first_day,
        max(case when parameter = 'estimation_last_day' then value end) as estimation_last_day,
        max(case when parameter = 'min_estimation_sessions' then value end)
            as min_estimation_sessions,
        max(case when parameter = 'short_window_sessions' then value end)
            as short_window_sessions,
        max(case when parameter = 'min_common_sessions' then value end) as min_common_sessions
    from parameters

),

typed as (

    -- A study without its bounds has no meaning: stop here with the file to mend, rather than
    -- give every statistic as missing further down.
    select
        case
            when
                estimation_first_day is null
                or estimation_last_day is null
                or min_estimation_sessions is null
                or short_window_sessions is null
                or min_common_sessions is null
                then {{ refused("
                    'study/parameters.csv must hold estimation_first_day, estimation_last_day, '
                    || 'min_estimation_sessions, short_window_sessions and min_common_sessions'
                ") }}
            when estimation_first_day > estimation_last_day
                then {{ refused("
                    'study/parameters.csv: estimation_first_day is after estimation_last_day'
                ") }}
            else cast(estimation_first_day as bigint)
        end as estimation_first_day,
        cast(estimation_last_day as bigint) as estimation_last_day,
        cast(min_estimation_sessions as bigint) as min_estimation_sessions,
        cast(short_window_sessions as bigint) as short_window_sessions,
        cast(min_common_sessions as bigint) as min_common_sessions
    from pivoted

)

select * from typed

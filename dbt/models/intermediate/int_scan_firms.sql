-- Grain: one row per scanned session and firm of the group with a return on it.
with

panels as (

    select * from {{ ref('int_scan_panels') }}

),

basis as (

    select * from {{ ref('int_scan_basis') }}
    where is_estimation

),

members as (

    select
        group_members.group_id,
        firms.firm_number
    from {{ ref('int_study_group_members') }} as group_members
    inner join {{ ref('int_study_firms') }} as firms on group_members.ticker = firms.ticker

),

firm_returns as (

    select * from {{ ref('int_firm_returns') }}

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

priced as (

    select
        panels.panel_number,
        panels.n_coefficients,
        members.firm_number
    from panels
    inner join members on panels.group_id = members.group_id
    inner join firm_returns
        on
            members.firm_number = firm_returns.firm_number
            and panels.t0_number = firm_returns.session_number

),

history as (

    select
        priced.panel_number,
        priced.firm_number,
        count(*) as n_est
    from priced
    inner join basis on priced.panel_number = basis.panel_number
    inner join firm_returns
        on
            priced.firm_number = firm_returns.firm_number
            and basis.session_number = firm_returns.session_number
    group by priced.panel_number, priced.firm_number

),

judged as (

    -- The portfolio holds the firms that the event study would take on that day: listed long
    -- enough for a model of their own.
    select
        priced.panel_number,
        priced.firm_number,
        coalesce(history.n_est, 0) as n_est,
        coalesce(
            history.n_est
            >= greatest(parameters.min_estimation_sessions, priced.n_coefficients + 1),
            false
        ) as is_held
    from priced
    cross join parameters
    left join history
        on
            priced.panel_number = history.panel_number
            and priced.firm_number = history.firm_number

)

select * from judged

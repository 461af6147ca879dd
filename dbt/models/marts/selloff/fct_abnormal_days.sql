-- Grain: one row per scan and session from the first price to the last.
-- Indents of loops over factors cannot satisfy the rule.
-- noqa: disable=LT02
{%- set n = var('max_factors') %}
with

panels as (

    select * from {{ ref('int_scan_panels') }}

),

firms as (

    select
        panel_number,
        count(*) as n_priced,
        count(*) filter (where is_held) as n_firms
    from {{ ref('int_scan_firms') }}
    group by panel_number

),

members as (

    select
        group_id,
        count(*) as n_members
    from {{ ref('int_study_group_members') }}
    group by group_id

),

estimates as (

    select * from {{ ref('int_scan_estimates') }}

),

on_day as (

    select * from {{ ref('int_scan_returns') }}
    where rel_day = 0

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

sessions as (

    select
        session_number,
        session_date
    from {{ ref('int_sessions') }}

),

events as (

    select
        event_id,
        t0_number
    from {{ ref('int_events') }}
    where data_status = 'in_data'

),

announcements as (

    -- A month or a quarter is no day: such an announcement is near nothing in particular.
    select
        announcement_id,
        announced_date
    from {{ ref('stg_capex_announcements') }}
    where date_precision = 'day'

),

placed_announcements as (

    -- The first session on which prices could answer.
    select
        announcements.announcement_id,
        min(sessions.session_number) as session_number
    from announcements
    inner join sessions on announcements.announced_date <= sessions.session_date
    group by announcements.announcement_id

),

events_near as (

    select
        panels.panel_number,
        count(*) as n_events_near,
        {{ text_of(
            "events.event_id || case when events.t0_number = panels.t0_number then ''"
            " else printf(' (%+d)', events.t0_number - panels.t0_number) end",
            '; ',
            [
                'abs(events.t0_number - panels.t0_number)',
                'events.t0_number',
                'events.event_id',
            ],
        ) }} as events_near
    from panels
    inner join events
        on abs(events.t0_number - panels.t0_number) <= {{ var('near_sessions') }}
    group by panels.panel_number

),

announcements_near as (

    select
        panels.panel_number,
        count(*) as n_announcements_near,
        {{ text_of(
            "placed.announcement_id || case when placed.session_number = panels.t0_number then ''"
            " else printf(' (%+d)', placed.session_number - panels.t0_number) end",
            '; ',
            [
                'abs(placed.session_number - panels.t0_number)',
                'placed.session_number',
                'placed.announcement_id',
            ],
        ) }} as announcements_near
    from panels
    inner join placed_announcements as placed
        on abs(placed.session_number - panels.t0_number) <= {{ var('near_sessions') }}
    group by panels.panel_number

),

-- The linter loses the `from measured` below the columns that loops write.
measured as (  -- noqa: ST03

    select
        panels.scan_id,
        panels.session_date,
        panels.group_id,
        panels.model_id,
        coalesce(firms.n_firms, 0) as n_firms,
        coalesce(members.n_members, 0) - coalesce(firms.n_firms, 0) as n_firms_dropped,
        on_day.simple_return as portfolio_return,
        on_day.ret,
        estimates.n_est,
        estimates.df_resid,
        estimates.resid_sd,
        estimates.n_est < parameters.short_window_sessions as is_short_window,
        panels.factor_source,
        panels.is_asynchronous,
        case when panels.method = 'market_adjusted' then on_day.x_1 else 0 end
        + estimates.level {{ factor_effect('estimates', 'on_day') }} as expected,
        estimates.mean_leverage
        {%- set deviations = [] %}
        {%- for j in range(1, n + 1) %}
        {%- do deviations.append('(on_day.z_' ~ j ~ ' - estimates.z_mean_' ~ j ~ ')') %}
        {%- endfor %}
        {{ factor_leverage('estimates', deviations) }} as leverage,
        coalesce(events_near.n_events_near, 0) as n_events_near,
        events_near.events_near,
        coalesce(announcements_near.n_announcements_near, 0) as n_announcements_near,
        announcements_near.announcements_near,
        case
            when coalesce(firms.n_priced, 0) = 0 then 'no_return'
            when not panels.has_factors_on_t0 then 'no_factor'
            when firms.n_firms = 0 then 'insufficient'
            else coalesce(estimates.fit_status, 'insufficient')
        end as status
    from panels
    cross join parameters
    left join firms on panels.panel_number = firms.panel_number
    left join members on panels.group_id = members.group_id
    left join estimates on panels.panel_number = estimates.panel_number
    left join on_day on panels.panel_number = on_day.panel_number
    left join events_near on panels.panel_number = events_near.panel_number
    left join announcements_near on panels.panel_number = announcements_near.panel_number

),

standardised as (

    select
        *,
        case when status = 'ok' then ret - expected end as abnormal_return,
        case when status = 'ok' then resid_sd * sqrt(1 + leverage) end as s_pred,
        case
            when status = 'ok' then (ret - expected) / nullif(resid_sd * sqrt(1 + leverage), 0)
        end as portfolio_t
    from measured

),

tested as (

    select
        *,
        {{ student_t_two_sided_p('portfolio_t', 'df_resid') }} as p_two_sided,
        {{ student_t_lower_p('portfolio_t', 'df_resid') }} as p_lower
    from standardised

),

ordered as (

    select
        *,
        count(portfolio_t) over by_scan as n_scanned,
        count(*) filter (where p_two_sided <= {{ var('significance_level') }}) over by_scan
            as n_below_level,
        -- With bitcoin by its UTC close the model takes out other hours than with the spot ETF:
        -- a day ranks among those that were judged alike. What chance does is counted over all.
        count(portfolio_t) over alike as n_comparable,
        case when portfolio_t is not null then rank() over alike_by_t end as rank_negative,
        case when portfolio_t is not null then rank() over by_t end as rank_negative_all,
        case
            when portfolio_t is not null
                then
                    row_number() over (
                        partition by scan_id
                        order by p_two_sided asc nulls last, session_date asc
                    )
        end as p_number
    from tested
    window
        by_scan as (partition by scan_id),
        by_t as (partition by scan_id order by portfolio_t asc nulls last),
        alike as (partition by scan_id, is_asynchronous),
        alike_by_t as (
            partition by scan_id, is_asynchronous order by portfolio_t asc nulls last
        )

),

harmonic as (

    select
        *,
        sum(1e0 / p_number) over (partition by scan_id) as harmonic_sum
    from ordered

),

corrected as (

    -- Benjamini and Hochberg (1995): the smallest m p_(j) / j of this day and those of larger p.
    -- Benjamini and Yekutieli (2001): the same times 1 + 1/2 + ... + 1/m, which holds whatever
    -- ties the days to each other, as their common estimation sessions do.
    select
        *,
        case
            when p_two_sided is not null
                then least(1, min(p_two_sided * n_scanned / p_number) over from_largest)
        end as q_bh,
        case
            when p_two_sided is not null
                then
                    least(
                        1,
                        min(p_two_sided * n_scanned * harmonic_sum / p_number)
                            over from_largest
                    )
        end as q_by
    from harmonic
    window from_largest as (
        partition by scan_id
        order by p_two_sided desc nulls first
        range between unbounded preceding and current row
    )

),

decided as (

    select
        *,
        {{ var('significance_level') }} * n_scanned as expected_false_finds,
        case
            when status <> 'ok' or portfolio_t is null then 'cannot_tell'
            when q_by <= {{ var('significance_level') }} then 'found'
            when q_bh <= {{ var('significance_level') }} then 'likely'
            when p_two_sided <= {{ var('significance_level') }} then 'chance'
            else 'ordinary'
        end as verdict_id
    from corrected

),

worded as (

    select
        *,
        case
            when portfolio_t is not null
                then
                    {{ count_in_words('n_firms', 'firm') }} || ' moved '
                    || {{ percent_in_words('abnormal_return') }}
                    || case when n_firms > 1 then ' on average' else '' end
                    || ' beyond what ' || model_id || ' expects (portfolio t '
                    || {{ with_decimals('portfolio_t', 2) }} || ', p '
                    || {{ p_in_words('p_two_sided') }} || '), number '
                    || cast(rank_negative as string) || ' of ' || cast(n_comparable as string)
                    || ' sessions '
                    || case
                        when is_asynchronous then 'with bitcoin by its UTC close ' else ''
                    end
                    || 'from the most negative'
        end as finding,
        cast(n_below_level as string) || ' of ' || cast(n_scanned as string)
        || ' sessions look so, and about '
        || {{ with_decimals(var('significance_level') ~ ' * cast(n_scanned as double)', 1) }}
        || ' would by chance alone' as by_chance
    from decided

),

reported as (

    select
        scan_id,
        session_date,
        group_id,
        model_id,
        n_firms,
        n_firms_dropped,
        portfolio_return,
        case when status = 'ok' then expected end as expected_return,
        abnormal_return,
        s_pred,
        portfolio_t,
        case when status = 'ok' then df_resid end as df,
        p_two_sided,
        p_lower,
        rank_negative,
        n_comparable,
        rank_negative_all,
        n_scanned,
        n_below_level,
        cast(expected_false_finds as double) as expected_false_finds,
        cast(q_bh as double) as q_bh,
        cast(q_by as double) as q_by,
        n_events_near,
        events_near,
        n_announcements_near,
        announcements_near,
        coalesce(n_est, 0) as n_est,
        coalesce(status = 'ok' and is_short_window, false) as is_short_window,
        factor_source,
        is_asynchronous,
        status,
        verdict_id,
        case verdict_id
            when 'cannot_tell' then 'Cannot tell: ' || case status
                when 'no_return' then 'no firm of the group has a return on this session.'
                when 'no_factor' then 'a factor of the model has no return on this session.'
                when 'insufficient'
                    then 'too few sessions before this one to teach the normal return.'
                else 'the model cannot be estimated (' || status || ').'
            end
            when 'ordinary' then finding || ': not told from an ordinary session.'
            when 'chance'
                then
                    finding || ': alone it would pass for abnormal, but ' || by_chance
                    || ' (false-discovery rate ' || {{ p_in_words('q_bh') }} || ').'
            when 'likely'
                then
                    finding || ': abnormal if the sessions are independent (false-discovery rate '
                    || {{ p_in_words('q_bh') }} || '), not beyond doubt if they are not ('
                    || {{ p_in_words('q_by') }} || ').'
            else
                finding || ': abnormal, also after correction for ' || cast(n_scanned as string)
                || ' sessions looked at (false-discovery rate ' || {{ p_in_words('q_by') }} || ').'
        end as verdict
    from worded

)

select * from reported
order by scan_id, session_date

-- Grain: one row per scan and session from the first price to the last.
with

days as (

    select * from {{ ref('int_scanned_days') }}

),

scans as (

    select * from {{ ref('stg_study_scans') }}

),

members as (

    select
        group_id,
        count(*) as n_members
    from {{ ref('int_study_group_members') }}
    group by group_id

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
        days.session_number,
        count(*) as n_events_near,
        {{ text_of(
            "events.event_id || case when events.t0_number = days.session_number then ''"
            " else printf(' (%+d)', events.t0_number - days.session_number) end",
            '; ',
            [
                'abs(events.t0_number - days.session_number)',
                'events.t0_number',
                'events.event_id',
            ],
        ) }} as events_near
    from (select distinct session_number from days) as days
    inner join events
        on abs(events.t0_number - days.session_number) <= {{ var('near_sessions') }}
    group by days.session_number

),

announcements_near as (

    select
        days.session_number,
        count(*) as n_announcements_near,
        {{ text_of(
            "placed.announcement_id || case when placed.session_number = days.session_number then ''"
            " else printf(' (%+d)', placed.session_number - days.session_number) end",
            '; ',
            [
                'abs(placed.session_number - days.session_number)',
                'placed.session_number',
                'placed.announcement_id',
            ],
        ) }} as announcements_near
    from (select distinct session_number from days) as days
    inner join placed_announcements as placed
        on abs(placed.session_number - days.session_number) <= {{ var('near_sessions') }}
    group by days.session_number

),

measured as (

    select
        days.scan_id,
        sessions.session_date,
        scans.group_id,
        scans.model_id,
        days.n_firms,
        coalesce(members.n_members, 0) - days.n_firms as n_firms_dropped,
        days.portfolio_return,
        days.expected_return,
        days.abnormal_return,
        days.s_pred,
        days.portfolio_t,
        days.df,
        days.p_two_sided,
        days.p_lower,
        days.q_bh,
        days.q_by,
        days.n_est,
        days.is_short_window,
        days.factor_source,
        days.is_asynchronous,
        coalesce(events_near.n_events_near, 0) as n_events_near,
        events_near.events_near,
        coalesce(announcements_near.n_announcements_near, 0) as n_announcements_near,
        announcements_near.announcements_near,
        days.status
    from days
    inner join scans on days.scan_id = scans.scan_id
    inner join sessions on days.session_number = sessions.session_number
    left join members on scans.group_id = members.group_id
    left join events_near on days.session_number = events_near.session_number
    left join announcements_near
        on days.session_number = announcements_near.session_number

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
        case when portfolio_t is not null then rank() over by_t end as rank_negative_all
    from measured
    window
        by_scan as (partition by scan_id),
        by_t as (partition by scan_id order by portfolio_t asc nulls last),
        alike as (partition by scan_id, is_asynchronous),
        alike_by_t as (
            partition by scan_id, is_asynchronous order by portfolio_t asc nulls last
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
    from ordered

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
        expected_return,
        abnormal_return,
        s_pred,
        portfolio_t,
        df,
        p_two_sided,
        p_lower,
        rank_negative,
        n_comparable,
        rank_negative_all,
        n_scanned,
        n_below_level,
        cast(expected_false_finds as double) as expected_false_finds,
        q_bh,
        q_by,
        n_events_near,
        events_near,
        n_announcements_near,
        announcements_near,
        n_est,
        status = 'ok' and is_short_window as is_short_window,
        factor_source,
        is_asynchronous,
        status,
        verdict_id,
        case verdict_id
            when 'cannot_tell'
                then 'Cannot tell: ' || case status
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

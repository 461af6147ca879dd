-- Grain: one row per study, group, model and window.
with

tests as (

    select * from {{ ref('fct_selloff_tests') }}

),

studies as (

    select
        study_id,
        kind,
        title
    from {{ ref('dim_study') }}

),

groups as (

    select
        group_id,
        title,
        rule_kind,
        rule_value
    from {{ ref('stg_study_groups') }}

),

models as (

    select
        model_id,
        is_headline
    from {{ ref('int_study_models') }}

),

windows as (

    select
        window_id,
        first_day,
        last_day,
        n_days
    from {{ ref('int_study_windows') }}

),

judged as (

    select
        *,
        status = 'ok' and not assumes_independence as is_honest,
        status = 'ok' and assumes_independence as is_naive,
        test_id = 'portfolio_t' as is_headline_test,
        p_two_sided <= {{ var('significance_level') }} as is_significant
    from tests

),

counted as (

    -- What stands in every row of the tests is the same in all of them.
    select
        study_id,
        group_id,
        model_id,
        window_id,
        max(n_events) as n_events,
        max(n_dates) as n_dates,
        max(n_overlapping_dates) as n_overlapping_dates,
        max(n_firms) as n_firms,
        max(n_firms_dropped) as n_firms_dropped,
        max(caar) as caar,
        max(mde_80pct) as mde_80pct,
        max(rbar) as rbar,
        max(effective_n) as effective_n,
        count(*) filter (where is_honest) as n_honest_tests,
        count(*) filter (where is_honest and is_significant) as n_honest_significant,
        min(p_two_sided) filter (where is_honest) as lowest_honest_p,
        max(p_two_sided) filter (where is_honest) as highest_honest_p,
        max(statistic) filter (where is_headline_test) as headline_statistic,
        max(p_two_sided) filter (where is_headline_test) as headline_p,
        max(status) filter (where is_headline_test) as headline_status,
        count(*) filter (where is_naive) as n_naive_tests,
        count(*) filter (where is_naive and is_significant) as n_naive_significant,
        min(p_two_sided) filter (where is_naive) as lowest_naive_p
    from judged
    group by study_id, group_id, model_id, window_id

),

named as (

    select
        counted.*,
        studies.title,
        studies.kind,
        groups.title as group_title,
        groups.rule_kind as group_rule_kind,
        groups.rule_value as group_rule_value,
        models.is_headline,
        windows.first_day,
        windows.last_day,
        windows.n_days,
        case
            when counted.headline_status in ('no_events', 'future_event', 'before_data')
                then 'no_data'
            when counted.headline_status = 'overlaps_estimation' then 'cannot_tell'
            when counted.n_firms = 0 then 'no_data'
            when counted.n_honest_tests = 0 then 'cannot_tell'
            when counted.n_honest_significant = 0 then 'not_significant'
            when counted.n_honest_significant = counted.n_honest_tests then 'significant'
            else 'mixed'
        end as verdict_id
    from counted
    inner join studies on counted.study_id = studies.study_id
    inner join groups on counted.group_id = groups.group_id
    inner join models on counted.model_id = models.model_id
    inner join windows on counted.window_id = windows.window_id

),

phrased as (

    select
        *,
        case
            when first_day = 0 and last_day = 0 then 'On the event session '
            when n_days = 1 then 'On session ' || cast(first_day as string) || ' '
            else
                'Over sessions ' || cast(first_day as string) || ' to '
                || cast(last_day as string) || ' '
        end
        || case
            when n_dates > 1
                then
                    cast(n_firms as string) || ' firm-dates on ' || cast(n_dates as string)
                    || ' dates'
            when n_firms = 1 then 'the one firm'
            else 'the ' || cast(n_firms as string) || ' firms'
        end
        || ' moved ' || {{ percent_in_words('caar') }}
        || case when n_firms > 1 then ' on average' else '' end
        || ' beyond what ' || model_id || ' expects' as moved,
        'tests that allow for '
        || case when n_dates > 1 then 'shared dates' else 'the shared date' end as honest_tests,
        case when n_days = 1 then 'an ordinary day' else 'ordinary time' end as ordinary,
        coalesce(
            'portfolio_t ' || {{ with_decimals('headline_statistic', 2) }}
            || ', p ' || {{ p_in_words('headline_p') }},
            'portfolio_t has no value'
        ) as headline,
        coalesce(
            'a move of ' || {{ with_decimals('100 * mde_80pct', 1) }}
            || '% or more would be seen in 4 cases of 5',
            'how large a move could be seen is not known'
        ) as could_be_seen
    from named

),

sentences as (

    select
        *,
        case
            when headline_status = 'no_events' then 'The set matches no event of the ledger.'
            when headline_status = 'future_event'
                then 'The prices end before this news: there is nothing to test yet.'
            when headline_status = 'before_data'
                then 'The prices start after this news: there is nothing to test.'
            when headline_status = 'overlaps_estimation'
                then
                    'The window reaches into the sessions that teach the normal return, which '
                    'cannot be tested against themselves.'
            when verdict_id = 'no_data' and n_firms_dropped = 0
                then 'No firm belongs to this group here.'
            when verdict_id = 'no_data'
                then
                    'None of the ' || cast(n_firms_dropped as string)
                    || ' firms of the group has the prices that a statistic of this window needs.'
            when verdict_id = 'cannot_tell'
                then moved || ', but none of the ' || honest_tests || ' can be computed for them.'
            when verdict_id = 'not_significant'
                then
                    moved || ', and none of the ' || cast(n_honest_tests as string) || ' '
                    || honest_tests || ' tells this from ' || ordinary || ' (' || headline
                    || '); ' || could_be_seen || ', so this does not rule out a smaller effect.'
            when verdict_id = 'mixed'
                then
                    moved || ', and the ' || honest_tests || ' disagree: '
                    || cast(n_honest_significant as string) || ' of '
                    || cast(n_honest_tests as string)
                    || case when n_honest_significant = 1 then ' tells' else ' tell' end
                    || ' this from ' || ordinary || ' (lowest p '
                    || {{ p_in_words('lowest_honest_p') }} || '), the rest not (highest p '
                    || {{ p_in_words('highest_honest_p') }} || '; ' || headline || '): '
                    || case
                        when
                            2 * n_honest_significant > n_honest_tests
                            and headline_p <= {{ var('significance_level') }}
                            then 'likely more than chance, but not beyond doubt'
                        else 'a hint, not a finding'
                    end
                    || '; ' || could_be_seen || '.'
            else
                moved || ', and all ' || cast(n_honest_tests as string) || ' ' || honest_tests
                || ' tell this from ' || ordinary || ' (' || headline || '; highest p '
                || {{ p_in_words('highest_honest_p') }}
                || '): something moved the firms, but a test cannot say that it was this news.'
        end as finding,
        case
            when verdict_id in ('not_significant', 'mixed') and n_naive_significant > 0
                then
                    ' ' || cast(n_naive_significant as string) || ' of '
                    || cast(n_naive_tests as string) || ' tests that take the firms for '
                    || 'independent '
                    || case when n_naive_significant = 1 then 'calls' else 'call' end
                    || ' it significant (lowest p ' || {{ p_in_words('lowest_naive_p') }} || '), '
                    || case
                        when verdict_id = 'mixed' then 'which adds nothing: '
                        else 'which is not to be believed: '
                    end
                    || case
                        -- A correlation that costs less than a firm in ten is not the reason.
                        when effective_n < 9e-1 * n_firms
                            then
                                'the firms move together (mean correlation '
                                || {{ with_decimals('rbar', 2) }} || '), so that '
                                || cast(n_firms as string) || ' count for about '
                                || {{ with_decimals('effective_n', 1) }}
                        else 'the tests above assume less'
                    end
                    || '.'
            else ''
        end as naive_finding,
        case
            when n_overlapping_dates > 0 and verdict_id not in ('no_data', 'cannot_tell')
                then
                    ' ' || cast(n_overlapping_dates as string) || ' of '
                    || cast(n_dates as string)
                    || ' dates share sessions with another of them, so the dates are not quite '
                    'independent.'
            else ''
        end as overlap_finding
    from phrased

),

reported as (

    select
        study_id,
        group_id,
        model_id,
        window_id,
        title,
        kind,
        group_title,
        group_rule_kind,
        group_rule_value,
        first_day,
        last_day,
        n_events,
        n_dates,
        n_overlapping_dates,
        n_firms,
        n_firms_dropped,
        caar,
        mde_80pct,
        rbar,
        effective_n,
        n_honest_tests,
        n_honest_significant,
        lowest_honest_p,
        highest_honest_p,
        headline_statistic,
        headline_p,
        n_naive_tests,
        n_naive_significant,
        lowest_naive_p,
        cast({{ var('significance_level') }} as double) as significance_level,
        is_headline,
        verdict_id,
        finding || naive_finding || overlap_finding as verdict
    from sentences

)

select * from reported
order by study_id, group_id, model_id, window_id

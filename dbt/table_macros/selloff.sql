-- The firms of one event, the worst first: return, what the headline model leaves of it, AI
-- megawatts known before, and verdicts in words on the share, on the group of its role and, for
-- a focal firm, on the focal group.
-- Example: from marts.selloff('msft-2gw-mar')
create macro marts.selloff(event) as table
with

asked as (

    select
        max(study_id) filter (where kind = 'event' and study_id = cast(event as varchar))
            as event_id,
        max(study_id) filter (where kind = 'event_set' and study_id = cast(event as varchar))
            as set_id,
        arg_max(study_id, jaro_winkler_similarity(study_id, cast(event as varchar)))
            filter (
                where kind = 'event'
                and jaro_winkler_similarity(study_id, cast(event as varchar)) > 0.8
            ) as nearest_id
    from marts.dim_study

),

chosen as (

    select
        case
            when event_id is not null then event_id
            when set_id is not null
                then error(
                        '''' || set_id || ''' is a set of events. Its tests: '
                        'from marts.selloff_tests(''' || set_id || ''', a group_id). Its events: '
                        'select events from marts.dim_study where study_id = ''' || set_id || ''''
                    )
            else
                error(
                    'There is no event ''' || coalesce(cast(event as varchar), 'NULL') || '''.'
                    || coalesce(' Did you mean ''' || nearest_id || '''?', '')
                    || ' List them with: select event_id, title, t0 from marts.dim_event'
                )
        end as event_id
    from asked

),

of_groups as (

    -- What the headline model says of the event session.
    select
        verdicts.group_rule_kind,
        trim(verdicts.group_rule_value) as role,
        arg_min(verdicts.verdict, verdicts.group_id) as verdict
    from marts.selloff_verdicts as verdicts
    inner join chosen on verdicts.study_id = chosen.event_id
    where
        verdicts.is_headline
        and verdicts.first_day = 0
        and verdicts.last_day = 0
        and verdicts.group_rule_kind in ('role', 'focal')
    group by all

),

level as (

    select max(significance_level) as significance_level from marts.selloff_verdicts

)

select
    case
        when firms.raw_return is not null
            then rank() over (order by firms.raw_return asc nulls last)
    end as "rank",
    firms.ticker,
    firms.name,
    firms.role,
    firms.raw_return,
    firms.abnormal_return,
    firms.p_two_sided,
    firms.hpc_contracted_mw,
    firms.hpc_status,
    case firms.status
        when 'ok'
            then
                format('{:+.1f}%', round(100 * firms.abnormal_return, 1) + 0.0)
                || ' beyond what ' || firms.model_id || ' expects: '
                || case
                    when firms.p_two_sided <= level.significance_level
                        then 'more than its ordinary day brings, looked at alone'
                    else 'no more than its ordinary day brings'
                end
                || case
                    when firms.p_two_sided < 0.001 then ' (p below 0.001)'
                    else format(' (p {:.3f})', firms.p_two_sided)
                end
        when 'future_event' then 'the prices end before this news'
        when 'before_data' then 'the prices start after this news'
        when 'no_price' then 'no price on the event session'
        when 'no_return' then 'no price on the session before the event'
        when 'no_factor' then 'no return of the model''s factor on the event session'
        when 'insufficient' then 'too few sessions before the event to know its ordinary day'
        else 'the model cannot be estimated: ' || firms.status
    end as firm_verdict,
    role_groups.verdict as role_verdict,
    focal_group.verdict as focal_verdict,
    firms.status
from marts.selloff_summary as firms
inner join chosen on firms.event_id = chosen.event_id
cross join level
left join of_groups as role_groups
    on role_groups.group_rule_kind = 'role' and firms.role = role_groups.role
left join of_groups as focal_group
    on focal_group.group_rule_kind = 'focal' and firms.is_focal
order by firms.raw_return asc nulls last, firms.ticker

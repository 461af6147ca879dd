-- The tests of one group in one study (an event or a set of events), those that may be believed
-- first: what each says, and what it assumes. Named arguments choose another model than the
-- headline model and another window than the event session, such as model := 'market_btc',
-- days := '[-1,1]'.
-- Example: from marts.selloff_tests('msft-2gw-mar', 'miners')
create macro marts.selloff_tests(study, firms, model := null, days := '[0,0]') as table
with

known as (

    select
        max(study_id) filter (where study_id = cast(study as varchar)) as study_id,
        max(group_id) filter (where group_id = cast(firms as varchar)) as group_id,
        max(model_id) filter (
            where case when model is null then is_headline else model_id = cast(model as varchar) end
        ) as model_id,
        max(window_id) filter (where window_id = cast(days as varchar)) as window_id,
        max(significance_level) as significance_level,
        arg_max(study_id, jaro_winkler_similarity(study_id, cast(study as varchar)))
            filter (where jaro_winkler_similarity(study_id, cast(study as varchar)) > 0.8)
            as nearest_id,
        string_agg(distinct group_id, ', ' order by group_id) as group_ids,
        string_agg(distinct model_id, ', ' order by model_id) as model_ids,
        string_agg(distinct window_id, ', ' order by window_id) as window_ids
    from marts.selloff_verdicts

),

chosen as (

    select
        case
            when study_id is null
                then error(
                        'There is no study ''' || coalesce(cast(study as varchar), 'NULL') || '''.'
                        || coalesce(' Did you mean ''' || nearest_id || '''?', '')
                        || ' List them with: select study_id, description from marts.dim_study'
                    )
            when group_id is null
                then error(
                        'There is no group ''' || coalesce(cast(firms as varchar), 'NULL')
                        || '''. Groups: ' || group_ids
                    )
            when model_id is null
                then error(
                        'There is no model ''' || cast(model as varchar) || '''. Models: '
                        || model_ids
                    )
            when window_id is null
                then error(
                        'There is no window ''' || coalesce(cast(days as varchar), 'NULL')
                        || '''. Windows: ' || window_ids
                    )
            else study_id
        end as study_id,
        group_id,
        model_id,
        window_id,
        significance_level
    from known

)

select
    tests.test_id,
    not tests.assumes_independence as may_be_believed,
    tests.statistic,
    tests.p_two_sided,
    case
        when tests.status <> 'ok' then 'has no value: ' || tests.status
        else
            case
                when tests.p_two_sided <= chosen.significance_level
                    then 'more than chance brings'
                else 'no more than chance brings'
            end
            || case
                when tests.p_two_sided < 0.001 then ' (p below 0.001)'
                else format(' (p {:.3f})', tests.p_two_sided)
            end
            || case
                when tests.assumes_independence and tests.effective_n < tests.n_firms
                    then
                        '; takes ' || cast(tests.n_firms as varchar)
                        || ' for independent that count for about '
                        || format('{:.1f}', tests.effective_n)
                else ''
            end
    end as says,
    tests.n_firms,
    tests.effective_n,
    tests.caar,
    tests.mde_80pct,
    tests.note
from marts.fct_selloff_tests as tests
inner join chosen
    on
        tests.study_id = chosen.study_id
        and tests.group_id = chosen.group_id
        and tests.model_id = chosen.model_id
        and tests.window_id = chosen.window_id
order by tests.assumes_independence asc, tests.test_id asc

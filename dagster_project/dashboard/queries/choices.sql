-- Which groups, models and windows does the study know?
-- Example: {}
-- kind: What can be chosen: group, model or window.
-- choice: Its name in the marts.
-- words: What it means.
-- is_default: True for what is shown first.
select distinct
    'group' as kind,
    group_id as choice,
    group_title as words,
    group_rule_kind = 'focal' as is_default
from marts.selloff_verdicts
union
select
    'model',
    model_id,
    model_id,
    is_headline
from marts.selloff_verdicts
union
select
    'window',
    window_id,
    case
        when first_day = 0 and last_day = 0 then 'event session'
        else 'sessions ' || first_day || ' to ' || last_day
    end,
    first_day = 0 and last_day = 0
from marts.selloff_verdicts
order by kind, is_default desc, choice

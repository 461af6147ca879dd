-- What does each test say, those first that may be believed when all firms share one date?
-- Example: {"event": "msft-2gw-mar", "group": "focal", "model": "market_model", "window": "[0,0]"}
-- may_be_believed: False for tests that take the firms of one date for independent, which they are not.
-- says: The test's answer in words, at the study's significance level.
select
    test_id,
    may_be_believed,
    says,
    statistic,
    p_two_sided,
    n_firms,
    effective_n,
    mde_80pct,
    note
from marts.selloff_tests($event, $group, model := $model, days := $window)

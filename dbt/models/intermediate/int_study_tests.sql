-- Grain: one row per test across firms.
with

listed (
    test_id, reference_dist, assumes_independence, is_default_headline, min_firms, note
) as (

    values
    (
        'portfolio_t', 'student_t', false, true, 1,
        'Abnormal return of the equal-weight portfolio over its own prediction error: what the '
        'firms share on one date is in the portfolio''s variance. Assumes normal, equally '
        'spread portfolio residuals.'
    ),
    (
        'portfolio_crude', 'student_t', false, false, 1,
        'Mean abnormal return over the spread of the firms'' mean residual from session to '
        'session: what they share is in that spread. Leaves out the prediction error of the '
        'models and takes the quiet time''s variance for the day''s.'
    ),
    (
        'sample_quantile', 'empirical', false, false, 1,
        'Share of the portfolio''s estimation residuals (overlapping sums for longer windows) '
        'at or below its abnormal return. No distribution assumed; p cannot fall below one '
        'over the number of sums plus one.'
    ),
    (
        'kolari_pynnonen', 'normal', false, false, 2,
        'BMP corrected for the mean correlation of the firms'' estimation residuals: allows '
        'for the shared date. Assumes that this correlation also holds on the event day; with '
        'fewer than 30 firms read p_two_sided_t as well.'
    ),
    (
        'patell_adjusted', 'normal', false, false, 2,
        'Patell corrected for the mean correlation of the firms'' estimation residuals: allows '
        'for the shared date, but still assumes that the event does not raise the variance.'
    ),
    (
        'corrado_rank', 'normal', false, false, 1,
        'Mean rank of the firms'' abnormal returns among their own estimation residuals, over its '
        'spread from session to session: allows for the shared date and for any distribution. '
        'Assumes that the day is like the quiet time in all but its level.'
    ),
    (
        'corrado_zivney', 'normal', false, false, 1,
        'The rank test on shares of the ranked sessions, each session weighted by its firms: '
        'for panels with holes. Assumes that the day is like the quiet time in all but its '
        'level.'
    ),
    (
        'grank_t', 'student_t', false, false, 2,
        'Generalised rank test: the cumulative abnormal return as one extra day among the '
        'estimation residuals, re-standardised between the firms, so that a higher variance on '
        'the event does not count as an effect. Allows for the shared date.'
    ),
    (
        'cross_sectional_t', 'student_t', true, false, 2,
        'Mean abnormal return over its spread between firms. Assumes that firms move '
        'independently of each other, which fails when all share one date: not to be believed '
        'alone.'
    ),
    (
        'patell', 'normal', true, false, 1,
        'Sum of standardised abnormal returns. Assumes that firms move independently of each '
        'other and that the event does not raise their variance: not to be believed alone.'
    ),
    (
        'bmp', 'student_t', true, false, 2,
        'Mean standardised abnormal return over its spread between firms: allows for a higher '
        'variance on the day, but assumes that firms move independently of each other: not to '
        'be believed alone.'
    ),
    (
        'generalized_sign', 'normal', true, false, 1,
        'Number of firms with a positive abnormal return against the share of positive ones in '
        'the estimation window. No distribution assumed, but firms are taken for independent: '
        'not to be believed alone.'
    )

),

tests as (

    select
        test_id,
        reference_dist,
        assumes_independence,
        is_default_headline,
        min_firms,
        note
    from listed

)

select * from tests

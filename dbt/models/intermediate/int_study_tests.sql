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
        'kolari_pynnonen', 'normal', false, false, 2,
        'BMP corrected for the mean correlation of the firms'' estimation residuals: allows '
        'for the shared date. Assumes that this correlation also holds on the event day; with '
        'fewer than 30 firms read p_two_sided_t as well.'
    ),
    (
        'sample_quantile', 'empirical', false, false, 1,
        'Share of the portfolio''s estimation residuals (overlapping sums for longer windows) '
        'at or below its abnormal return. No distribution assumed; p cannot fall below one '
        'over the number of sums plus one.'
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

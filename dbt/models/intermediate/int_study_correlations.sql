-- Grain: one row per study and sample with at least one firm.
with

study_samples as (

    select * from {{ ref('int_study_samples') }}

),

samples as (

    select * from {{ ref('int_samples') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

study_days as (

    select * from {{ ref('int_study_days') }}
    where is_estimation

),

pairs as (

    select * from {{ ref('int_pair_correlations') }}
    where is_usable

),

parameters as (

    select * from {{ ref('int_study_parameters') }}

),

firm_counts as (

    select
        sample_number,
        count(*) as n_firms,
        count(*) filter (where is_complete) as n_complete
    from sample_firms
    group by sample_number

),

squared_sums as (

    select
        study_sample_number,
        avg(power(standardised_sum, 2)) as mean_square
    from study_days
    group by study_sample_number

),

complete as (

    -- The sum over all pairs of firms that share every session, without forming a pair: the square
    -- of the firms' summed standardised residuals holds each pair twice and each firm once.
    select
        study_samples.study_sample_number,
        study_samples.sample_number,
        firm_counts.n_firms,
        case
            when samples.n_sessions >= parameters.min_common_sessions
                then firm_counts.n_complete * (firm_counts.n_complete - 1) // 2
            else 0
        end as n_pairs,
        (squared_sums.mean_square - firm_counts.n_complete) / 2 as correlation_sum
    from study_samples
    inner join firm_counts on study_samples.sample_number = firm_counts.sample_number
    inner join samples on study_samples.sample_number = samples.sample_number
    inner join squared_sums
        on study_samples.study_sample_number = squared_sums.study_sample_number
    cross join parameters

),

incomplete as (

    select
        left_firms.sample_number,
        count(*) as n_pairs,
        sum(pairs.residual_correlation) as correlation_sum
    from pairs
    inner join sample_firms as left_firms
        on
            pairs.panel_number = left_firms.panel_number
            and pairs.left_firm_number = left_firms.firm_number
    inner join sample_firms as right_firms
        on
            left_firms.sample_number = right_firms.sample_number
            and pairs.right_firm_number = right_firms.firm_number
    group by left_firms.sample_number

),

added as (

    select
        complete.study_sample_number,
        complete.n_pairs + coalesce(incomplete.n_pairs, 0) as n_pairs,
        case when complete.n_pairs > 0 then complete.correlation_sum else 0 end
        + coalesce(incomplete.correlation_sum, 0) as correlation_sum,
        complete.n_firms * (complete.n_firms - 1) // 2
        - complete.n_pairs - coalesce(incomplete.n_pairs, 0) as n_pairs_dropped
    from complete
    left join incomplete on complete.sample_number = incomplete.sample_number

)

select * from added

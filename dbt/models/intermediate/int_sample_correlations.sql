-- Grain: one row per sample with at least one firm.
with

samples as (

    select * from {{ ref('int_samples') }}

),

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

sample_baskets as (

    select * from {{ ref('int_sample_baskets') }}

),

basket_statistics as (

    select * from {{ ref('int_basket_statistics') }}

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

complete as (

    -- The sum over all pairs of firms that share every session, without forming a pair: the square
    -- of the firms' summed standardised residuals holds each pair twice and each firm once.
    select
        firm_counts.sample_number,
        firm_counts.n_firms,
        case
            when samples.n_sessions >= parameters.min_common_sessions
                then cast(firm_counts.n_complete * (firm_counts.n_complete - 1) / 2 as bigint)
            else 0
        end as n_pairs,
        (basket_statistics.mean_square - firm_counts.n_complete) / 2 as correlation_sum
    from firm_counts
    inner join samples on firm_counts.sample_number = samples.sample_number
    inner join sample_baskets on firm_counts.sample_number = sample_baskets.sample_number
    inner join basket_statistics
        on sample_baskets.basket_number = basket_statistics.basket_number
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
        complete.sample_number,
        complete.n_pairs + coalesce(incomplete.n_pairs, 0) as n_pairs,
        case when complete.n_pairs > 0 then complete.correlation_sum else 0 end
        + coalesce(incomplete.correlation_sum, 0) as correlation_sum,
        cast(complete.n_firms * (complete.n_firms - 1) / 2 as bigint)
        - complete.n_pairs - coalesce(incomplete.n_pairs, 0) as n_pairs_dropped
    from complete
    left join incomplete on complete.sample_number = incomplete.sample_number

)

select * from added

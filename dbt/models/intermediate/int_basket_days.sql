-- Grain: one row per basket of firms of an event and model and session of the estimation window.
with

sample_baskets as (

    select * from {{ ref('int_sample_baskets') }}

),

estimates as (

    select * from {{ ref('int_event_estimates') }}
    where series_status = 'ok'

),

residuals as (

    select * from {{ ref('int_event_residuals') }}

),

baskets as (

    select
        basket_number,
        any_value(panel_number) as panel_number,
        any_value(firm_numbers) as firm_numbers
    from sample_baskets
    group by basket_number

),

listed as (

    select
        basket_number,
        panel_number,
        {{ each_value('firm_numbers') }} as firm_number
    from baskets

),

basket_firms as (

    select
        listed.basket_number,
        listed.panel_number,
        listed.firm_number,
        1 / estimates.n_est as positive_unit,
        1 / (estimates.n_est + 2) as rank_unit,
        (estimates.n_est + 2) / 2 as middle_rank,
        estimates.residual_mean,
        -- For the mean correlation of the firms that have every session.
        case
            when estimates.is_complete
                then
                    1 / (
                        estimates.resid_sd * sqrt(1e0 * estimates.df_resid / estimates.n_est)
                    )
            else 0
        end as standardiser
    from listed
    inner join estimates
        on
            listed.panel_number = estimates.panel_number
            and listed.firm_number = estimates.firm_number

),

ranked as (

    select
        panel_number,
        firm_number,
        rel_day,
        residual,
        {{ mean_rank('by_value') }} as residual_rank
    from residuals
    window
        by_value as (
            partition by panel_number, firm_number order by {{ tie_value('residual') }}
        )

),

summed as (

    select
        basket_firms.basket_number,
        ranked.rel_day,
        count(*) as n_firms,
        avg(ranked.residual) as mean_abnormal_return,
        sum(case when ranked.residual > 0 then basket_firms.positive_unit else 0 end)
            as positive_share_sum,
        sum((ranked.residual - basket_firms.residual_mean) * basket_firms.standardiser)
            as standardised_sum,
        -- Among the residuals and one value more, before that value is counted.
        sum(ranked.residual_rank - basket_firms.middle_rank) as rank_deviation_sum,
        sum(ranked.residual_rank * basket_firms.rank_unit - 5e-1) as rank_share_sum,
        sum(basket_firms.rank_unit) as rank_unit_sum
    from basket_firms
    inner join ranked
        on
            basket_firms.panel_number = ranked.panel_number
            and basket_firms.firm_number = ranked.firm_number
    group by basket_firms.basket_number, ranked.rel_day

)

select * from summed

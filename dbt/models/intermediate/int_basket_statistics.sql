-- Grain: one row per basket of firms of an event and model.
with

basket_days as (

    select * from {{ ref('int_basket_days') }}

),

summed as (

    -- What of a sample depends on its firms alone, whatever the window under test.
    select
        basket_number,
        count(*) as n_estimation_days,
        stddev_samp(mean_abnormal_return) as mean_abnormal_sd,
        sum(positive_share_sum) as positive_share_sum,
        avg(power(standardised_sum, 2)) as mean_square
    from basket_days
    group by basket_number

)

select * from summed

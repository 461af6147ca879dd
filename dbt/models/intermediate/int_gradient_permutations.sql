-- Grain: one row per pattern of exposure and return ranks, and value their product sum takes under permutation.
with

regressions as (

    select * from {{ ref('int_gradient_regressions') }}
    where slope is not null

),

patterns as (

    -- The distribution depends on the ranks alone, and few patterns of them occur.
    select
        metric_ranks,
        car_ranks,
        any_value(n_firms) as n_firms
    from regressions
    group by metric_ranks, car_ranks

),

sizes as (

    select distinct n_firms from patterns

),

draws as (

    select
        n_firms,
        {{ each_number(1, var('permutations')) }} as draw_number
    from sizes

),

places as (

    select
        n_firms,
        draw_number,
        {{ each_number(1, 'n_firms') }} as place_number
    from draws

),

shuffled as (

    select
        n_firms,
        draw_number,
        place_number,
        -- The same shuffles on every run and every machine.
        row_number() over (
            partition by n_firms, draw_number
            order by
                md5(
                    cast(n_firms as string) || '/' || cast(draw_number as string) || '/'
                    || cast(place_number as string)
                ),
                place_number
        ) as shuffled_place
    from places

),

permuted as (

    select
        patterns.metric_ranks,
        patterns.car_ranks,
        shuffled.draw_number,
        cast(
            sum(
                ({{ list_item('patterns.metric_ranks', 'shuffled.place_number') }} - patterns.n_firms - 1)
                * ({{ list_item('patterns.car_ranks', 'shuffled.shuffled_place') }} - patterns.n_firms - 1)
            ) as bigint
        ) as rank_product
    from patterns
    inner join shuffled on patterns.n_firms = shuffled.n_firms
    group by patterns.metric_ranks, patterns.car_ranks, shuffled.draw_number

),

counted as (

    select
        metric_ranks,
        car_ranks,
        rank_product,
        count(*) as n_draws
    from permuted
    group by metric_ranks, car_ranks, rank_product

)

select * from counted

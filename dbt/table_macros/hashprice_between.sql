-- What mining earned on every UTC day between two days, both included: hashprice, its parts, and
-- its change since the first of the days on which it is known. A day with a missing figure is kept.
-- Example: from marts.hashprice_between('2025-03-01', '2025-03-31')
create macro marts.hashprice_between(from_day, to_day) as table
with

known as (

    select
        min(date_utc) as first_date,
        max(date_utc) as last_date
    from marts.fct_mining_economics

),

chosen as (

    select
        case
            when
                try_cast(cast(from_day as varchar) as date) is null
                or try_cast(cast(to_day as varchar) as date) is null
                then error(
                        '''' || coalesce(cast(from_day as varchar), 'NULL') || ''' to '''
                        || coalesce(cast(to_day as varchar), 'NULL')
                        || ''' are not two days. Write them like ''2025-03-01'', ''2025-03-31'''
                    )
            when cast(cast(from_day as varchar) as date) > cast(cast(to_day as varchar) as date)
                then error('The first day is after the last; swap them')
            when
                cast(cast(to_day as varchar) as date) < first_date
                or cast(cast(from_day as varchar) as date) > last_date
                then error(
                        'Hashprice is known from ' || cast(first_date as varchar) || ' to '
                        || cast(last_date as varchar) || ', not between '
                        || cast(from_day as varchar) || ' and ' || cast(to_day as varchar)
                    )
            else cast(cast(from_day as varchar) as date)
        end as first_date,
        try_cast(cast(to_day as varchar) as date) as last_date
    from known

)

select
    economics.date_utc,
    economics.hashprice_usd_ph,
    economics.hashprice_usd_ph
    / first_value(economics.hashprice_usd_ph ignore nulls) over (
        order by economics.date_utc rows between unbounded preceding and unbounded following
    ) - 1 as change_since_first,
    economics.price_usd,
    economics.network_eh_s_7d,
    economics.fee_share_of_revenue,
    economics.days_since_halving
from marts.fct_mining_economics as economics
inner join chosen on economics.date_utc between chosen.first_date and chosen.last_date
order by economics.date_utc

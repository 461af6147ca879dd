-- Who was how exposed to AI, as it was known at the end of a day in New York, the most exposed
-- first. NULL megawatts are unknown, not zero. What explains an event is what was known at the
-- end of its previous session (dim_event.previous_session).
-- Example: from marts.exposure_on('2025-03-25')
create macro marts.exposure_on(day) as table
with

known as (

    select
        min(as_of_date) as first_date,
        max(as_of_date) as last_date
    from marts.fct_ai_exposure

),

chosen as (

    select
        case
            when try_cast(cast(day as varchar) as date) is null
                then error(
                        '''' || coalesce(cast(day as varchar), 'NULL')
                        || ''' is not a day. Write it like ''2025-03-25'''
                    )
            when cast(cast(day as varchar) as date) not between first_date and last_date
                then error(
                        'Exposure is known from ' || cast(first_date as varchar) || ' to '
                        || cast(last_date as varchar) || ', not on ' || cast(day as varchar)
                    )
            else cast(cast(day as varchar) as date)
        end as as_of_date
    from known

)

select
    exposures.exposure_rank as "rank",
    exposures.ticker,
    companies.name,
    exposures.hpc_contracted_mw,
    exposures.hpc_contracted_basis,
    exposures.hpc_status,
    exposures.hpc_mw_share,
    exposures.hpc_revenue_share,
    exposures.n_counterparties,
    exposures.top_counterparty,
    exposures.exposure_score,
    exposures.known_date,
    exposures.weakest_source
from marts.fct_ai_exposure as exposures
inner join chosen on exposures.as_of_date = chosen.as_of_date
left join marts.dim_company as companies on exposures.ticker = companies.ticker
order by exposures.exposure_rank asc nulls last, exposures.ticker asc

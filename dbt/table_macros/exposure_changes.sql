-- Every day on which the contracted AI megawatts known of one miner changed, the first day of the
-- data included: what they were, what they became, and since when that was public.
-- Example: from marts.exposure_changes('CORZ')
create macro marts.exposure_changes(miner) as table
with

known as (

    select
        max(ticker) filter (where upper(ticker) = upper(cast(miner as varchar))) as ticker,
        string_agg(distinct ticker, ', ' order by ticker) as tickers
    from marts.fct_ai_exposure

),

chosen as (

    select
        case
            when ticker is null
                then error(
                        'There is no miner ''' || coalesce(cast(miner as varchar), 'NULL')
                        || '''. Miners: ' || tickers
                    )
            else ticker
        end as ticker
    from known

),

days as (

    select
        exposures.ticker,
        exposures.as_of_date,
        exposures.hpc_contracted_mw,
        exposures.hpc_contracted_basis,
        exposures.hpc_status,
        exposures.hpc_mw_share,
        exposures.weakest_source,
        lag(exposures.hpc_contracted_mw) over by_day as mw_before,
        lag(exposures.hpc_contracted_basis) over by_day as basis_before,
        lag(exposures.hpc_status) over by_day as status_before
    from marts.fct_ai_exposure as exposures
    inner join chosen on exposures.ticker = chosen.ticker
    window by_day as (order by exposures.as_of_date)

)

select
    days.ticker,
    days.as_of_date as since_date,
    days.mw_before,
    days.hpc_contracted_mw,
    -- Megawatts of two kinds have no difference.
    case
        when days.basis_before = days.hpc_contracted_basis or days.mw_before = 0
            then days.hpc_contracted_mw - days.mw_before
    end as change_mw,
    days.hpc_contracted_basis,
    days.hpc_status,
    days.hpc_mw_share,
    days.weakest_source
from days
where
    days.status_before is null
    or days.hpc_contracted_mw is distinct from days.mw_before
    or days.hpc_contracted_basis is distinct from days.basis_before
    or days.hpc_status is distinct from days.status_before
order by days.as_of_date

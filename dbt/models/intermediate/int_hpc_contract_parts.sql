-- Grain: one row per announcement that begins, changes or ends an HPC contract of a miner.
with

announcements as (

    select
        *,
        kind in ('hpc_contract', 'ai_cloud_contract') as begins_contract
    from {{ ref('int_capex_announcements') }}
    where
        adds_contracted_capacity
        or (
            company_role = 'miner'
            and kind in ('hpc_loi', 'hpc_reduction', 'hpc_termination')
        )

),

-- An expansion or option changes the latest contract with the same customer; one without
-- such a contract is a contract of its own.
latest_contracts as (

    select
        announcements.announcement_id,
        earlier.announcement_id as contract_id
    from announcements
    inner join announcements as earlier
        on
            announcements.ticker = earlier.ticker
            and announcements.counterparty = earlier.counterparty
            and announcements.known_date >= earlier.known_date
            and announcements.announcement_id <> earlier.announcement_id
    where
        earlier.begins_contract
        and announcements.kind in ('hpc_expansion', 'hpc_option_exercise')
    qualify row_number() over (
            partition by announcements.announcement_id
            order by
                earlier.known_date desc,
                earlier.announced_date desc,
                earlier.announcement_id desc
        ) = 1

),

named as (

    select
        announcements.*,
        coalesce(
            announcements.stated_contract_id,
            latest_contracts.contract_id,
            announcements.announcement_id
        ) as own_contract_id
    from announcements
    left join latest_contracts
        on announcements.announcement_id = latest_contracts.announcement_id

),

-- A replacement belongs to the contract of what it replaces.
assigned as (

    select
        named.*,
        coalesce(
            named.stated_contract_id, replaced.own_contract_id, named.own_contract_id
        ) as contract_id
    from named
    left join named as replaced
        on named.superseded_announcement_id = replaced.announcement_id

),

replacements as (

    select
        superseded_announcement_id as announcement_id,
        min(known_date) as ended_date
    from assigned
    where superseded_announcement_id is not null
    group by superseded_announcement_id

),

terminations as (

    select
        parts.announcement_id,
        min(ends.known_date) as ended_date
    from assigned as parts
    inner join assigned as ends
        on
            parts.contract_id = ends.contract_id
            and parts.known_date <= ends.known_date
    where
        ends.kind = 'hpc_termination'
        and parts.kind <> 'hpc_termination'
    group by parts.announcement_id

),

-- A customer of several names is backed by a hyperscaler if one of them is; where a name is
-- not listed and none of the others is one, that is not known.
parties as (

    select distinct
        counterparty,
        {{ each_value(parts_of('counterparty', '/')) }} as party
    from assigned
    where counterparty is not null

),

backings as (

    select
        parties.counterparty,
        case
            when bool_or(coalesce(companies.role = 'hyperscaler', false)) then true
            when bool_and(listed.party is not null) then false
        end as is_hyperscaler_backed
    from parties
    left join {{ ref('stg_deal_parties') }} as listed
        on parties.party = listed.party
    left join {{ ref('stg_companies') }} as companies
        on listed.ticker = companies.ticker
    group by parties.counterparty

),

final as (

    select
        assigned.announcement_id,
        assigned.contract_id,
        assigned.ticker,
        assigned.company_name,
        assigned.counterparty,
        backings.is_hyperscaler_backed,
        assigned.kind,
        assigned.superseded_announcement_id,
        assigned.announced_date,
        assigned.date_precision,
        assigned.known_date,
        -- First day on which the part no longer counts.
        least(replacements.ended_date, terminations.ended_date) as ended_date,
        assigned.adds_contracted_capacity,
        case
            when assigned.adds_contracted_capacity then assigned.power_mw
            when assigned.kind = 'hpc_reduction' then -assigned.power_mw
        end as capacity_change_mw,
        assigned.power_basis,
        case when assigned.adds_contracted_capacity then assigned.value_usd end as value_usd,
        case when assigned.adds_contracted_capacity then assigned.term_years end as term_years,
        assigned.source_name,
        assigned.source_url,
        assigned.source_quality
    from assigned
    left join replacements
        on assigned.announcement_id = replacements.announcement_id
    left join terminations
        on assigned.announcement_id = terminations.announcement_id
    left join backings
        on assigned.counterparty = backings.counterparty

)

select * from final

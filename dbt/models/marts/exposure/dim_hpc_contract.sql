-- Grain: one row per contract and version (a day on which something about it became known).
with

parts as (

    select
        *,
        {{ quality_grade_rank('source_quality') }} as quality_rank
    from {{ ref('int_hpc_contract_parts') }}
    where known_date is not null

),

-- What one day brings to a contract is one version, cited by its best source.
changes as (

    select
        contract_id,
        known_date as valid_from_date,
        count(*) as n_announcements,
        {{ text_of('announcement_id', ';', ['announcement_id']) }} as announcement_ids,
        bool_or(kind = 'hpc_termination') as is_termination,
        bool_or(kind = 'hpc_loi') as is_letter_of_intent,
        max(announced_date) as announced_on,
        case when bool_or(date_precision = 'month') then 'month' else 'day' end
            as date_precision,
        {{ text_of('superseded_announcement_id', ';', ['superseded_announcement_id']) }}
            as supersedes
    from parts
    group by contract_id, known_date

),

citations as (

    select
        contract_id,
        known_date as valid_from_date,
        kind,
        source_name,
        source_url,
        source_quality
    from parts
    qualify row_number() over (
            partition by contract_id, known_date
            order by quality_rank asc, announced_date desc, announcement_id desc
        ) = 1

),

origins as (

    select
        contract_id,
        ticker,
        company_name,
        counterparty,
        is_hyperscaler_backed
    from parts
    qualify row_number() over (
            partition by contract_id
            order by known_date asc, announced_date asc, announcement_id asc
        ) = 1

),

in_force as (

    select
        changes.valid_from_date,
        parts.*
    from changes
    inner join parts
        on
            changes.contract_id = parts.contract_id
            and changes.valid_from_date >= parts.known_date
            and (parts.ended_date is null or changes.valid_from_date < parts.ended_date)
            and parts.capacity_change_mw is not null

),

-- Kinds of megawatt are never added up: one sum per kind, NULL where none is stated.
summed as (

    select
        contract_id,
        valid_from_date,
        count(*) filter (where adds_contracted_capacity) as n_parts,
        sum(capacity_change_mw) filter (where power_basis = 'critical_it') as critical_it_mw,
        sum(capacity_change_mw) filter (where power_basis = 'gross') as gross_mw,
        sum(capacity_change_mw) filter (where power_basis = 'unknown') as unknown_basis_mw,
        max(term_years) as term_years,
        sum(value_usd) as value_usd,
        count(*) filter (where adds_contracted_capacity and value_usd is null)
            as n_parts_without_value,
        max(quality_rank) as weakest_quality_rank
    from in_force
    group by contract_id, valid_from_date

),

-- Value per megawatt-year of the parts that state all three, in the contract's one kind.
valued as (

    select
        in_force.contract_id,
        in_force.valid_from_date,
        sum(in_force.value_usd)
        / nullif(sum(in_force.capacity_change_mw * in_force.term_years), 0)
            as value_per_mw_year_usd,
        sum(in_force.capacity_change_mw) as valued_mw
    from in_force
    inner join summed
        on
            in_force.contract_id = summed.contract_id
            and in_force.valid_from_date = summed.valid_from_date
            and in_force.power_basis = case
                when summed.critical_it_mw is not null then 'critical_it'
                when summed.gross_mw is not null then 'gross'
                else 'unknown'
            end
    where
        in_force.value_usd is not null
        and in_force.term_years is not null
    group by in_force.contract_id, in_force.valid_from_date

),

final as (

    select
        changes.contract_id,
        cast(row_number() over (
            partition by changes.contract_id
            order by changes.valid_from_date
        ) as integer) as version_number,
        origins.ticker,
        origins.company_name as company,
        origins.counterparty,
        origins.is_hyperscaler_backed,
        changes.announced_on,
        changes.date_precision,
        {{ end_of_day_new_york('changes.valid_from_date') }} as announced_at,
        changes.valid_from_date,
        lead(changes.valid_from_date) over (
            partition by changes.contract_id
            order by changes.valid_from_date
        ) - 1 as valid_to_date,
        lead(changes.valid_from_date) over (
            partition by changes.contract_id
            order by changes.valid_from_date
        ) is null as is_current,
        case
            when changes.is_termination then 'terminated'
            when changes.supersedes is not null then 'replaced'
            when citations.kind = 'hpc_reduction' then 'reduced'
            when citations.kind = 'hpc_loi' then 'letter_of_intent'
            when citations.kind = 'hpc_option_exercise' then 'option_exercised'
            when citations.kind = 'hpc_expansion' then 'expanded'
            else 'signed'
        end as change_kind,
        case
            when summed.n_parts > 0 then 'contracted'
            when changes.is_termination then 'terminated'
            when changes.is_letter_of_intent then 'letter_of_intent'
            else 'nothing_in_force'
        end as status,
        summed.critical_it_mw,
        summed.gross_mw,
        summed.unknown_basis_mw,
        summed.term_years,
        summed.value_usd,
        valued.value_per_mw_year_usd,
        valued.valued_mw,
        coalesce(summed.n_parts, 0) as n_parts,
        coalesce(summed.n_parts_without_value, 0) as n_parts_without_value,
        changes.announcement_ids,
        changes.supersedes,
        citations.source_name,
        citations.source_url,
        citations.source_quality,
        {{ quality_grade_name('summed.weakest_quality_rank') }} as weakest_source
    from changes
    inner join citations
        on
            changes.contract_id = citations.contract_id
            and changes.valid_from_date = citations.valid_from_date
    inner join origins
        on changes.contract_id = origins.contract_id
    left join summed
        on
            changes.contract_id = summed.contract_id
            and changes.valid_from_date = summed.valid_from_date
    left join valued
        on
            changes.contract_id = valued.contract_id
            and changes.valid_from_date = valued.valid_from_date

)

select * from final
order by contract_id asc, version_number asc

-- Grain: one row per ticker and filing.
with

candidates as (

    select * from {{ ref('stg_filing_candidates') }}

),

companies as (

    select
        ticker,
        company_name
    from {{ ref('stg_companies') }}

),

announcements as (

    select * from {{ ref('stg_capex_announcements') }}

),

searches as (

    select * from {{ ref('stg_study_filing_searches') }}

),

-- The phrase of lowest number among those the filing holds says what it may be about.
suggestions as (

    select
        candidates.ticker,
        candidates.accession,
        searches.suggested_kind
    from candidates
    inner join searches
        on array_contains(split(candidates.matched_terms, ';'), searches.phrase)
    qualify row_number() over (
            partition by candidates.ticker, candidates.accession
            order by searches.priority asc
        ) = 1

),

-- An announcement whose address names the filing is that filing; with or without dashes.
confirmed as (

    select
        candidates.ticker,
        candidates.accession,
        min(announcements.announcement_id) as announcement_id
    from candidates
    inner join announcements
        on
            contains(announcements.source_url, candidates.accession)
            or contains(announcements.source_url, replace(candidates.accession, '-', ''))
    group by
        candidates.ticker,
        candidates.accession

),

-- The same news may stand in the ledger from another source.
neighbours as (

    select
        candidates.ticker,
        candidates.accession,
        count(*) as n_announcements
    from candidates
    inner join announcements
        on
            candidates.ticker = announcements.ticker
            and abs({{ days_between('announcements.announced_date', 'candidates.filed_date') }}) <= 7
    group by
        candidates.ticker,
        candidates.accession

),

final as (

    select
        candidates.ticker,
        candidates.accession,
        companies.company_name as company,
        candidates.cik,
        candidates.form,
        candidates.items,
        candidates.filed_date,
        candidates.report_date,
        candidates.accepted_at,
        candidates.known_at,
        candidates.known_date,
        candidates.status,
        candidates.matched_terms,
        suggestions.suggested_kind,
        candidates.amount_usd_candidates,
        candidates.power_mw_candidates,
        candidates.power_basis_candidates,
        {{ list_largest(mapped(
            "split(candidates.amount_usd_candidates, ';')", 'amount', 'cast(amount as double)'
        )) }}
            as largest_amount_usd,
        {{ list_largest(mapped(
            "split(candidates.power_mw_candidates, ';')", 'power', 'cast(power as double)'
        )) }}
            as largest_power_mw,
        candidates.excerpt,
        candidates.document_url,
        candidates.source_url,
        confirmed.announcement_id as ledger_announcement_id,
        coalesce(neighbours.n_announcements, 0) as n_ledger_announcements_near
    from candidates
    left join companies
        on candidates.ticker = companies.ticker
    left join suggestions
        on
            candidates.ticker = suggestions.ticker
            and candidates.accession = suggestions.accession
    left join confirmed
        on
            candidates.ticker = confirmed.ticker
            and candidates.accession = confirmed.accession
    left join neighbours
        on
            candidates.ticker = neighbours.ticker
            and candidates.accession = neighbours.accession

)

select * from final
order by filed_date desc, ticker asc, accession asc

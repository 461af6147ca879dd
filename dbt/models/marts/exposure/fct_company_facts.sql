-- Grain: one row per fact of the ledger about a company (ticker, day, metric, period, basis, source).
with

facts as (

    select
        *,
        md5(concat_ws(
            '|',
            ticker,
            metric,
            cast(as_of_date as string),
            period,
            coalesce(power_basis, ''),
            coalesce(value_basis, ''),
            source_url
        )) as fact_id
    from {{ ref('int_company_fact_versions') }}

),

-- Other figures of about the same time, so that a contradiction is seen beside each side of it.
others as (

    select
        facts.fact_id,
        count(*) as n_other_values,
        {{ text_of(
            number_text('other.value')
            ~ " || coalesce(' ' || other.power_basis, '')"
            ~ " || ' on ' || cast(other.as_of_date as string)"
            ~ " || ' (' || other.source_quality || ')'",
            '; ',
            ['other.as_of_date', 'other.value', 'other.source_url'],
        ) }} as other_values
    from facts
    inner join facts as other
        on
            facts.ticker = other.ticker
            and facts.metric = other.metric
            and facts.period = other.period
            and facts.value <> other.value
            and abs({{ days_between('other.as_of_date', 'facts.as_of_date') }}) <= case facts.period
                when 'point' then 31
                else 0
            end
    group by facts.fact_id

),

final as (

    select
        facts.fact_id,
        facts.ticker,
        facts.metric,
        facts.as_of_date,
        facts.period,
        facts.period_start_date,
        facts.value,
        facts.unit,
        facts.power_basis,
        facts.value_basis,
        {{ end_of_day_new_york('facts.known_date') }} as known_at,
        facts.known_date,
        facts.known_at_basis,
        facts.selected_from_date is not null and facts.selected_to_date is null as is_selected,
        facts.selected_from_date,
        facts.selected_to_date,
        facts.selection_reason,
        facts.overtaken_by_value,
        facts.overtaken_by_power_basis,
        facts.overtaken_by_date,
        facts.overtaken_by_source_url,
        coalesce(others.n_other_values, 0) as n_other_values,
        others.other_values,
        facts.source_name,
        facts.source_url,
        facts.source_quality
    from facts
    left join others
        on facts.fact_id = others.fact_id

)

select * from final
order by ticker asc, metric asc, as_of_date asc, period asc, fact_id asc

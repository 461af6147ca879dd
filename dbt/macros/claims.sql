{#-
  What a check of a claim can measure, in words, and the mart its figures come from. The
  contract of study_claim_checks holds units and needed fields of the same measures.
-#}
{% macro claim_measures() -%}
    select
        measure_id,
        measured_as,
        mart_name
    from (
        values
        ('fall_at_close', 'fall from the close before to the close', 'selloff_summary'),
        ('fall_at_intraday_low', 'fall from the close before to the day''s low', 'selloff_summary'),
        ('event_session', 'session the news is priced on', 'dim_event'),
        ('mean_return', 'mean return of the firms with prices, closes to closes', 'fct_equity_daily'),
        (
            'contracted_less_none_return',
            'mean return of miners with contracted AI megawatts less that of miners known to have none',
            'fct_equity_daily'
        ),
        ('miners_with_ai_contracts', 'miners known to have contracted AI megawatts', 'fct_ai_exposure'),
        ('bitcoin_return', 'return of bitcoin', 'fct_mining_economics'),
        ('bitcoin_below_high', 'bitcoin below its highest daily price', 'fct_mining_economics'),
        ('miner_revenue', 'subsidies and fees of the network', 'fct_mining_economics'),
        ('block_subsidy', 'new bitcoin per block', 'fct_mining_economics'),
        ('halving_date', 'latest day that new bitcoin per block halved', 'fct_mining_economics'),
        ('halving_year', 'year of the latest halving', 'fct_mining_economics'),
        (
            'halving_height',
            'height that the protocol gives the latest halving seen in issuance',
            'fct_mining_economics'
        ),
        ('announced_power', 'power announced', 'fct_capex_announcements'),
        ('announced_value', 'value announced', 'fct_capex_announcements'),
        (
            'announced_value_per_mw_year',
            'announced value per megawatt and year',
            'fct_capex_announcements'
        ),
        ('announced_date', 'day of the announcement', 'fct_capex_announcements'),
        ('cited_value', 'figure of another source', 'fct_claim_checks'),
        ('cited_date', 'date of another source', 'fct_claim_checks'),
        ('cited_text', 'words of another source', 'fct_claim_checks'),
        ('capex_period_end', 'end of the period', 'fct_hyperscaler_capex'),
        ('capex_growth', 'growth of stated capital expenditure', 'fct_hyperscaler_capex'),
        ('none', 'nothing in the warehouse measures this', null)
    ) as known_measures (measure_id, measured_as, mart_name)
{%- endmacro %}

{#- Units of claims that differ from the unit a check compares in by a factor. -#}
{% macro claim_unit_factors() -%}
    select
        claimed_unit,
        compared_unit,
        factor
    from (
        values
        ('GW', 'MW', 1000.0::double),
        ('USD per quarter', 'USD', 1.0::double)
    ) as known_factors (claimed_unit, compared_unit, factor)
{%- endmacro %}

{#-
  Who first printed what a page says, from the page's name: a copy names its original
  ("CoinDesk copy (feeds.news)", "News.Az (Reuters-derived)"), any other page is its own.
  Two copies of one original are one source.
-#}
{% macro source_original(source_name) -%}
    lower(
        coalesce(
            nullif(
                regexp_extract(
                    {{ source_name }},
                    '([A-Z][A-Za-z.]*(?: [A-Z][A-Za-z.]*)*)(?: report)?[ -](?:copy|derived|based)',
                    1
                ),
                ''
            ),
            trim(regexp_replace({{ source_name }}, '\s*\(.*$', ''))
        )
    )
{%- endmacro %}

{#- Host of an address without www. -#}
{% macro url_host(url) -%}
    lower(regexp_extract({{ url }}, '^https?://(?:www\.)?([^/:?#]+)', 1))
{%- endmacro %}

{#- A figure as a person writes it: billions and millions in words, four significant digits. -#}
{% macro figure_in_words(figure) -%}
    case
        when abs({{ figure }}) >= 1e9 then format('{:.4g} bn', {{ figure }} / 1e9)
        when abs({{ figure }}) >= 1e6 then format('{:.4g} m', {{ figure }} / 1e6)
        when abs({{ figure }}) >= 1000 then format('{:.0f}', {{ figure }})
        else format('{:.4g}', {{ figure }} + 0.0)
    end
{%- endmacro %}

{#- Values of a list that is separated by ';', as the right side of IN. -#}
{% macro as_sql_list(column) -%}
    '(''' || regexp_replace(replace(trim({{ column }}), '''', ''''''), '\s*;\s*', ''', ''', 'g') || ''')'
{%- endmacro %}

{#- A text or date as a literal of SQL. -#}
{% macro as_sql_text(column) -%}
    '''' || replace(cast({{ column }} as varchar), '''', '''''') || ''''
{%- endmacro %}

{#- True where a text holds one of the words that are separated by ';', whatever their case. -#}
{% macro mentions_any(text_column, words_column) -%}
    regexp_matches(
        lower({{ text_column }}),
        regexp_replace(
            regexp_replace(lower(trim({{ words_column }})), '([.^$*+?()\[\]{}|\\])', '\\\1', 'g'),
            '\s*;\s*', '|', 'g'
        )
    )
{%- endmacro %}

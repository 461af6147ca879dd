-- Grain: one row per session, window length, and bitcoin source with which a window over that session is shown.
with

bitcoin as (

    -- Without a bitcoin return in the window there is no source: the first by name stands in, so
    -- that one row can say so.
    select min(factor_source) as stand_in
    from {{ ref('int_bitcoin_returns') }}

),

sources as (

    select * from {{ ref('int_rolling_sources') }}

),

shown as (

    select
        sources.session_number,
        sources.window_sessions,
        sources.min_sessions,
        sources.factor_source is not null as has_source,
        coalesce(sources.factor_source, bitcoin.stand_in) as factor_source,
        sources.is_asynchronous
    from sources
    cross join bitcoin

),

named_sources as (

    select distinct factor_source from shown

),

next_shown as (

    select
        shown.*,
        named_sources.factor_source as read_source,
        min(
            case
                when shown.factor_source is not distinct from named_sources.factor_source
                    then shown.session_number
            end
        ) over (
            partition by named_sources.factor_source, shown.window_sessions
            order by shown.session_number
            rows between current row and unbounded following
        ) as shown_number
    from shown
    cross join named_sources

),

final as (

    -- Windows of a source that no row shows would be most of the work.
    select
        session_number,
        window_sessions,
        min_sessions,
        read_source as factor_source,
        has_source,
        is_asynchronous,
        session_number = shown_number as is_shown
    from next_shown
    where shown_number - session_number < window_sessions

)

select * from final

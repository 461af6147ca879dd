-- Grain: one row per event.
with

source as (

    select * from {{ source('raw', 'market_events') }}

),

renamed as (

    select
        event_id,
        title,
        event_type,
        tier,
        news_date,
        news_timing,
        t0 as stated_t0_date,
        tickers_named,
        groups_named,
        source_url,
        note,
        coalesce(is_headline, false) as is_headline
    from source

)

select * from renamed

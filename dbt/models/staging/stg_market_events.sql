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
        estimation_first_day as stated_estimation_first_day,
        estimation_last_day as stated_estimation_last_day,
        tickers_named,
        groups_named,
        source_url,
        note,
        coalesce(is_headline, false) as is_headline
    from source

)

select * from renamed

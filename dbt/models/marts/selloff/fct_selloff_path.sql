-- Grain: one row per event, group, model and session relative to the event session.
with

paths as (

    select * from {{ ref('int_portfolio_paths') }}

),

events as (

    select * from {{ ref('int_events') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

models as (

    select * from {{ ref('int_study_models') }}

),

headline as (

    select market_factor as market_ticker from models
    where is_headline

),

bitcoin as (

    select
        session_number,
        simple_return,
        is_asynchronous
    from {{ ref('int_bitcoin_returns') }}
    qualify row_number() over (partition by session_number order by source_priority) = 1

),

market as (

    select
        factor,
        session_number,
        simple_return
    from {{ ref('int_factor_returns') }}

),

joined as (

    select
        paths.*,
        sessions.session_date,
        models.is_headline,
        headline.market_ticker,
        market.simple_return as market_return,
        bitcoin.simple_return as btc_return,
        bitcoin.is_asynchronous as is_btc_asynchronous
    from paths
    inner join events on paths.event_id = events.event_id
    inner join models on paths.model_id = models.model_id
    cross join headline
    inner join sessions on events.t0_number + paths.rel_day = sessions.session_number
    left join market
        on
            headline.market_ticker = market.factor
            and sessions.session_number = market.session_number
    left join bitcoin on sessions.session_number = bitcoin.session_number

),

final as (

    select
        event_id,
        group_id,
        model_id,
        rel_day,
        session_date,
        is_headline,
        n_firms,
        ar,
        raw_return_running,
        car_running,
        car_sd_running,
        car_running_low,
        car_running_high,
        market_ticker,
        -- A product that skipped a missing day would pass for the product of all days.
        case
            when count(market_return) over to_date = count(*) over to_date
                then {{ product_of('1 + market_return', over='to_date') }} - 1
        end as market_return_running,
        case
            when count(btc_return) over to_date = count(*) over to_date
                then {{ product_of('1 + btc_return', over='to_date') }} - 1
        end as btc_return_running,
        bool_or(is_btc_asynchronous) over to_date as is_btc_asynchronous,
        status
    from joined
    window to_date as (
        partition by event_id, group_id, model_id
        order by rel_day
        rows between unbounded preceding and current row
    )

)

select * from final
order by event_id asc, group_id asc, model_id asc, rel_day asc

-- Grain: one row per event, group, model and session relative to the event session.
{%- set keys = ['portfolio_number'] %}
with

portfolios as (

    -- A single event is an occasion of its own name; dates that sets pool have names of theirs.
    select
        portfolios.portfolio_number,
        portfolios.occasion_id as event_id,
        portfolios.group_id,
        portfolios.model_id,
        portfolios.panel_number,
        events.t0_number
    from {{ ref('int_portfolios') }} as portfolios
    inner join {{ ref('int_events') }} as events on portfolios.occasion_id = events.event_id
    where portfolios.portfolio_kind = 'equal_weight'

),

models as (

    select
        model_id,
        is_headline
    from {{ ref('int_study_models') }}

),

span as (

    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from {{ ref('int_study_windows') }}

),

path_days as (

    select
        span.first_day,
        {{ each_number('span.first_day', 'span.last_day') }} as day_number
    from span

),

-- From the first session of the span up to each session of it.
path_windows as (

    select
        cast(path_days.day_number as string) as window_id,
        cast(path_days.first_day as bigint) as first_day,
        cast(path_days.day_number as bigint) as last_day,
        cast(path_days.day_number - path_days.first_day + 1 as bigint) as n_days,
        path_days.first_day <= parameters.estimation_last_day
        and path_days.day_number >= parameters.estimation_first_day as overlaps_estimation
    from path_days
    cross join {{ ref('int_study_parameters') }} as parameters

),

estimates as (

    select * from {{ ref('int_portfolio_estimates') }}

),

returns as (

    select returns.*
    from {{ ref('int_portfolio_returns') }} as returns
    inner join portfolios on returns.portfolio_number = portfolios.portfolio_number
    where returns.is_around

),

daily as (

    select
        returns.*,
        returns.ret - returns.y + estimates.level
        {{ factor_effect('estimates', 'returns') }} as expected,
        returns.y - (estimates.level {{ factor_effect('estimates', 'returns') }}) as ar
    from returns
    inner join estimates on returns.portfolio_number = estimates.portfolio_number

),

{{ window_returns('daily', 'estimates', keys, 'cars', windows='path_windows') }},

critical as (

    -- As many quantiles as there are degrees of freedom, not as there are rows.
    select
        df_resid,
        {{ student_t_quantile('1 - ' ~ var('significance_level') ~ ' / 2', 'df_resid') }}
            as critical_t
    from (select distinct df_resid from estimates) as degrees

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

headline_market as (

    select
        panels.event_id,
        any_value(panels.market_factor) as market_ticker
    from {{ ref('int_event_panels') }} as panels
    inner join models on panels.model_id = models.model_id
    where models.is_headline
    group by panels.event_id

),

joined as (

    select
        portfolios.event_id,
        portfolios.group_id,
        portfolios.model_id,
        path_windows.last_day as rel_day,
        sessions.session_date,
        models.is_headline,
        daily.n_firms,
        coalesce(cars.status, 'no_return') as status,
        daily.ar,
        cars.raw_return as raw_return_running,
        cars.car as car_running,
        cars.car_sd_pred as car_sd_running,
        estimates.df_resid,
        critical.critical_t,
        headline_market.market_ticker,
        market.simple_return as market_return,
        bitcoin.simple_return as btc_return,
        bitcoin.is_asynchronous as is_btc_asynchronous
    from portfolios
    cross join path_windows
    inner join models on portfolios.model_id = models.model_id
    inner join estimates on portfolios.portfolio_number = estimates.portfolio_number
    inner join {{ ref('int_sessions') }} as sessions
        on portfolios.t0_number + path_windows.last_day = sessions.session_number
    left join critical on estimates.df_resid = critical.df_resid
    left join cars
        on
            portfolios.portfolio_number = cars.portfolio_number
            and path_windows.window_id = cars.window_id
    left join daily
        on
            portfolios.portfolio_number = daily.portfolio_number
            and path_windows.last_day = daily.rel_day
    left join headline_market on portfolios.event_id = headline_market.event_id
    left join market
        on
            headline_market.market_ticker = market.factor
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
        cast(n_firms as bigint) as n_firms,
        ar,
        raw_return_running,
        car_running,
        car_sd_running,
        car_running - critical_t * car_sd_running as car_running_low,
        car_running + critical_t * car_sd_running as car_running_high,
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

-- Grain: one row per ticker, session from its first price to its last, and window length.
with

returns as (

    select
        *,
        share_return is not null
        and basket_return is not null
        and bitcoin_return is not null as is_usable
    from {{ ref('int_rolling_returns') }}

),

windows as (

    select * from {{ ref('stg_study_rolling_windows') }}

),

sources as (

    select * from {{ ref('int_rolling_sources') }}

),

usable as (

    -- A session counts with all three returns or not at all: each moment is over the same rows.
    select
        ticker,
        session_number,
        session_date,
        factor_source,
        share_return,
        basket_return,
        is_usable,
        case when is_usable then share_return end as y,
        case when is_usable then basket_return end as ai,
        case when is_usable then bitcoin_return end as btc,
        case when is_usable then n_basket_firms end as n_basket_firms
    from returns

),

moments as (

    -- The engine merges partial means and centred products along the frame, so that nothing is
    -- lost to large sums, in time linear in the rows whatever the window's length.
    select
        usable.ticker,
        usable.session_number,
        usable.session_date,
        usable.factor_source,
        windows.window_sessions,
        windows.min_sessions,
        count(usable.share_return) over in_window as n_share_returns,
        count(usable.basket_return) over in_window as n_basket_returns,
        count(usable.y) over in_window as n_sessions,
        min(usable.n_basket_firms) over in_window as n_basket_firms,
        avg(usable.y) over in_window as y_mean,
        avg(usable.ai) over in_window as ai_mean,
        avg(usable.btc) over in_window as btc_mean,
        var_pop(usable.y) over in_window as y_var,
        var_pop(usable.ai) over in_window as ai_var,
        var_pop(usable.btc) over in_window as btc_var,
        covar_pop(usable.ai, usable.y) over in_window as ai_y_cov,
        covar_pop(usable.btc, usable.y) over in_window as btc_y_cov,
        covar_pop(usable.ai, usable.btc) over in_window as ai_btc_cov
    from usable
    cross join windows
    window in_window as (
        partition by usable.ticker, usable.factor_source, windows.window_sessions
        order by {{ in_widths('usable.session_number', 'windows.window_sessions') }}
        range between 1e0 preceding and current row
    )

),

chosen as (

    -- Without a bitcoin return in the window there is no source, and one row to say so.
    select
        moments.*,
        sources.factor_source is not null as has_source,
        sources.is_asynchronous
    from moments
    left join sources
        on
            moments.session_number = sources.session_number
            and moments.window_sessions = sources.window_sessions
    qualify
        row_number() over (
            partition by moments.ticker, moments.session_number, moments.window_sessions
            order by
                (moments.factor_source is not distinct from sources.factor_source) desc,
                moments.factor_source
        ) = 1

),

swept as (

    -- What the basket leaves of bitcoin; its share of the uncentred squares tells whether the two
    -- factors can be told apart.
    select
        *,
        btc_var - ai_btc_cov * ai_btc_cov / nullif(ai_var, 0) as btc_left_var,
        btc_y_cov - ai_btc_cov * ai_y_cov / nullif(ai_var, 0) as btc_left_y_cov
    from chosen

),

judged as (

    select
        *,
        case
            when n_share_returns = 0 then 'short_window'
            when n_basket_returns = 0 then 'no_basket'
            when not has_source then 'no_bitcoin'
            when n_sessions < min_sessions then 'short_window'
            when y_var <= 1e-20 * (y_var + y_mean * y_mean) then 'no_variation'
            when
                ai_var <= 1e-12 * (ai_var + ai_mean * ai_mean)
                or btc_left_var <= 1e-12 * (btc_var + btc_mean * btc_mean)
                then 'collinear'
            else 'ok'
        end as window_status
    from swept

),

sloped as (

    select
        *,
        btc_left_y_cov / btc_left_var as btc_slope,
        (ai_y_cov - ai_btc_cov * btc_left_y_cov / btc_left_var) / ai_var as ai_slope
    from judged
    where window_status = 'ok'

),

fitted as (

    select
        *,
        y_var - ai_slope * ai_y_cov - btc_slope * btc_y_cov as residual_var
    from sloped

),

delicate as (

    -- Where factors nearly coincide or nearly nothing is left, the differences above have lost
    -- digits: a second fit, to what the first one leaves of each row, brings them back.
    select
        ticker,
        session_number,
        window_sessions,
        factor_source,
        y_mean,
        ai_mean,
        btc_mean,
        ai_var,
        ai_btc_cov,
        btc_left_var,
        ai_slope,
        btc_slope
    from fitted
    where residual_var < 1e-4 * y_var or btc_left_var < 1e-4 * btc_var

),

remainders as (

    select
        delicate.ticker,
        delicate.session_number,
        delicate.window_sessions,
        delicate.ai_var,
        delicate.ai_btc_cov,
        delicate.btc_left_var,
        usable.ai,
        usable.btc,
        (usable.y - delicate.y_mean)
        - delicate.ai_slope * (usable.ai - delicate.ai_mean)
        - delicate.btc_slope * (usable.btc - delicate.btc_mean) as residual
    from delicate
    inner join usable
        on
            delicate.ticker = usable.ticker
            and delicate.factor_source = usable.factor_source
            and usable.session_number between
            delicate.session_number - delicate.window_sessions + 1 and delicate.session_number
    where usable.is_usable

),

remainder_moments as (

    select
        ticker,
        session_number,
        window_sessions,
        any_value(ai_var) as ai_var,
        any_value(ai_btc_cov) as ai_btc_cov,
        any_value(btc_left_var) as btc_left_var,
        var_pop(residual) as residual_var,
        covar_pop(ai, residual) as ai_cov,
        covar_pop(btc, residual) as btc_cov
    from remainders
    group by ticker, session_number, window_sessions

),

corrections as (

    select
        ticker,
        session_number,
        window_sessions,
        residual_var,
        ai_cov,
        btc_cov,
        (btc_cov - ai_btc_cov * ai_cov / ai_var) / btc_left_var as btc_change,
        (ai_cov - ai_btc_cov * (btc_cov - ai_btc_cov * ai_cov / ai_var) / btc_left_var) / ai_var
            as ai_change
    from remainder_moments

),

corrected as (

    select
        fitted.ticker,
        fitted.session_number,
        fitted.window_sessions,
        fitted.ai_slope + coalesce(corrections.ai_change, 0) as ai_slope,
        fitted.btc_slope + coalesce(corrections.btc_change, 0) as btc_slope,
        greatest(
            coalesce(
                corrections.residual_var
                - corrections.ai_change * corrections.ai_cov
                - corrections.btc_change * corrections.btc_cov,
                fitted.residual_var
            ),
            0
        ) as residual_var
    from fitted
    left join corrections
        on
            fitted.ticker = corrections.ticker
            and fitted.session_number = corrections.session_number
            and fitted.window_sessions = corrections.window_sessions

),

finished as (

    select
        judged.*,
        corrected.ai_slope,
        corrected.btc_slope,
        corrected.residual_var,
        case
            -- Below this only rounding is left: the share is the bitcoin series itself.
            when
                judged.window_status = 'ok'
                and corrected.residual_var
                <= 1e-20 * (judged.y_var + judged.y_mean * judged.y_mean)
                then 'no_residual'
            else judged.window_status
        end as status
    from judged
    left join corrected
        on
            judged.ticker = corrected.ticker
            and judged.session_number = corrected.session_number
            and judged.window_sessions = corrected.window_sessions

),

tilted as (

    -- How far the share moves with one ordinary move of each factor; a share that moves against a
    -- factor does not lean towards it.
    select
        *,
        sqrt(ai_var) as ai_pop_sd,
        sqrt(btc_var) as btc_pop_sd,
        greatest(ai_slope * sqrt(ai_var), 0) as ai_pull,
        greatest(btc_slope * sqrt(btc_var), 0) as btc_pull
    from finished

),

reported as (

    select
        ticker,
        session_date,
        window_sessions,
        case when status = 'ok' then y_mean - ai_slope * ai_mean - btc_slope * btc_mean end
            as alpha,
        case when status = 'ok' then ai_slope end as beta_ai,
        case when status = 'ok' then btc_slope end as beta_btc,
        case when status = 'ok' then 1 - residual_var / y_var end as r2,
        case when status = 'ok' then ai_btc_cov / (ai_pop_sd * btc_pop_sd) end as corr_ai_btc,
        case when status = 'ok' then sqrt(residual_var * n_sessions / (n_sessions - 3)) end
            as idiosyncratic_sd,
        case when status = 'ok' then ai_pop_sd * sqrt(n_sessions / (n_sessions - 1e0)) end
            as sd_ai,
        case when status = 'ok' then btc_pop_sd * sqrt(n_sessions / (n_sessions - 1e0)) end
            as sd_btc,
        case when status = 'ok' then ai_pull / nullif(ai_pull + btc_pull, 0) end as ai_tilt,
        n_sessions,
        n_basket_firms,
        case when has_source then factor_source end as factor_source,
        is_asynchronous,
        status
    from tilted

)

select * from reported
order by ticker, session_date, window_sessions

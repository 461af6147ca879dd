-- Grain: one row per ticker, session from its first price to its last, and window length.
{%- set inputs = ref('int_rolling_inputs') %}
{{ config(
    meta={'built_in_parts': {
        'by': 'ticker', 'work': 'int_rolling_inputs', 'rows': 'sum(n_rows)', 'order_free': true
    }},
    post_hook="{{ remember_inputs(ref('int_rolling_inputs')) }}",
) }}
{%- set carries = can_carry(inputs) %}
with

returns as (

    select
        *,
        share_return is not null
        and basket_return is not null
        and bitcoin_return is not null
        -- What no share does in a day would be too large to be counted exactly.
        and greatest(abs(share_return), abs(basket_return), abs(bitcoin_return)) < 500
            as is_usable
    from {{ ref('int_rolling_returns') }}
    where {{ in_part('ticker') }}

),

needs as (

    select * from {{ ref('int_rolling_needs') }}

),

{%- if carries %}

inputs as (

    select * from {{ inputs }}
    where {{ in_part('ticker') }}

),

inputs_before as (

    select * from {{ inputs_of_last_build(inputs) }}
    where {{ in_part('ticker') }}

),

changed as (

    -- A window reads what lies before it, so from the first change on every row is computed.
    select
        coalesce(inputs.ticker, inputs_before.ticker) as ticker,
        min(least(inputs.first_number, inputs_before.first_number)) as first_number,
        min(least(inputs.first_date, inputs_before.first_date)) as first_date
    from inputs
    full outer join inputs_before
        on
            inputs.ticker = inputs_before.ticker
            and inputs.stretch = inputs_before.stretch
    where (inputs.first_number, inputs.first_date, inputs.n_rows, inputs.inputs_hash)
        is distinct from
        (
            inputs_before.first_number,
            inputs_before.first_date,
            inputs_before.n_rows,
            inputs_before.inputs_hash
        )
    group by coalesce(inputs.ticker, inputs_before.ticker)

),

carried as (

    select betas.*
    from {{ this }} as betas
    left join changed on betas.ticker = changed.ticker
    where
        {{ in_part('betas.ticker') }}
        and (changed.ticker is null or betas.session_date < changed.first_date)

),

{%- endif %}

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

read_rows as (

    select
        usable.ticker,
        usable.session_number,
        usable.session_date,
        usable.factor_source,
        usable.share_return,
        usable.basket_return,
        usable.n_basket_firms,
        needs.window_sessions,
        needs.min_sessions,
        needs.has_source,
        needs.is_asynchronous,
        {%- if carries %}
        -- The linter also reads this without the join below.
        needs.is_shown and usable.session_number >= changed.first_number -- noqa: RF01
            as is_shown,
        {%- else %}
        needs.is_shown,
        {%- endif %}
        {{ counted('usable.y') }} as y,
        {{ counted('usable.ai') }} as ai,
        {{ counted('usable.btc') }} as btc
    from usable
    inner join needs
        on
            usable.session_number = needs.session_number
            and usable.factor_source is not distinct from needs.factor_source
    {%- if carries %}
    inner join changed
        on
            usable.ticker = changed.ticker
            and usable.session_number > changed.first_number - needs.window_sessions
    {%- endif %}

),

sums as (

    -- Of returns counted in whole steps, sums are exact: the same to the last bit wherever the
    -- engine begins to add, so that a row does not depend on which others are computed with it.
    select
        ticker,
        session_number,
        session_date,
        factor_source,
        window_sessions,
        min_sessions,
        has_source,
        is_asynchronous,
        is_shown,
        count(share_return) over in_window as n_share_returns,
        count(basket_return) over in_window as n_basket_returns,
        count(y) over in_window as n_sessions,
        min(n_basket_firms) over in_window as n_basket_firms,
        sum(y) over in_window as y_sum,
        sum(ai) over in_window as ai_sum,
        sum(btc) over in_window as btc_sum,
        sum({{ counted_product('y', 'y') }}) over in_window as yy_sum,
        sum({{ counted_product('ai', 'ai') }}) over in_window as ai_ai_sum,
        sum({{ counted_product('btc', 'btc') }}) over in_window as btc_btc_sum,
        sum({{ counted_product('ai', 'y') }}) over in_window as ai_y_sum,
        sum({{ counted_product('btc', 'y') }}) over in_window as btc_y_sum,
        sum({{ counted_product('ai', 'btc') }}) over in_window as ai_btc_sum
    from read_rows
    window in_window as (
        partition by ticker, factor_source, window_sessions
        {{ last_numbers('session_number', 'window_sessions') }}
    )

),

chosen as (

    select
        ticker,
        session_number,
        session_date,
        factor_source,
        window_sessions,
        min_sessions,
        has_source,
        is_asynchronous,
        n_share_returns,
        n_basket_returns,
        n_sessions,
        n_basket_firms,
        {{ mean_of_counted('y_sum', 'n_sessions') }} as y_mean,
        {{ mean_of_counted('ai_sum', 'n_sessions') }} as ai_mean,
        {{ mean_of_counted('btc_sum', 'n_sessions') }} as btc_mean,
        {{ cov_of_counted('yy_sum', 'y_sum', 'y_sum', 'n_sessions') }} as y_var,
        {{ cov_of_counted('ai_ai_sum', 'ai_sum', 'ai_sum', 'n_sessions') }} as ai_var,
        {{ cov_of_counted('btc_btc_sum', 'btc_sum', 'btc_sum', 'n_sessions') }} as btc_var,
        {{ cov_of_counted('ai_y_sum', 'ai_sum', 'y_sum', 'n_sessions') }} as ai_y_cov,
        {{ cov_of_counted('btc_y_sum', 'btc_sum', 'y_sum', 'n_sessions') }} as btc_y_cov,
        {{ cov_of_counted('ai_btc_sum', 'ai_sum', 'btc_sum', 'n_sessions') }} as ai_btc_cov
    from sums
    where is_shown

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

-- What follows stays one row per window, whatever its status: to take the rows that can be fitted out
-- and join them back would hold the whole table in memory twice.
sloped as (

    select
        *,
        case when window_status = 'ok' then btc_left_y_cov / btc_left_var end as first_btc_slope,
        case
            when window_status = 'ok'
                then (ai_y_cov - ai_btc_cov * btc_left_y_cov / btc_left_var) / ai_var
        end as first_ai_slope
    from judged

),

fitted as (

    select
        *,
        y_var - first_ai_slope * ai_y_cov - first_btc_slope * btc_y_cov as first_residual_var
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
        first_ai_slope,
        first_btc_slope
    from fitted
    where
        window_status = 'ok'
        and (first_residual_var < 1e-4 * y_var or btc_left_var < 1e-4 * btc_var)

),

remainders as (

    select
        delicate.ticker,
        delicate.session_number,
        delicate.window_sessions,
        delicate.ai_var,
        delicate.ai_btc_cov,
        delicate.btc_left_var,
        delicate.session_number - usable.session_number as session_back,
        usable.ai,
        usable.btc,
        (usable.y - delicate.y_mean)
        - delicate.first_ai_slope * (usable.ai - delicate.ai_mean)
        - delicate.first_btc_slope * (usable.btc - delicate.btc_mean) as residual
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
        {{ in_order('var_pop', 'residual', 'session_back') }} as residual_var,
        {{ in_order('covar_pop', 'ai, residual', 'session_back') }} as ai_cov,
        {{ in_order('covar_pop', 'btc, residual', 'session_back') }} as btc_cov
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
        fitted.*,
        fitted.first_ai_slope + coalesce(corrections.ai_change, 0) as ai_slope,
        fitted.first_btc_slope + coalesce(corrections.btc_change, 0) as btc_slope,
        case
            when fitted.window_status = 'ok'
                then greatest(
                        coalesce(
                            corrections.residual_var
                            - corrections.ai_change * corrections.ai_cov
                            - corrections.btc_change * corrections.btc_cov,
                            fitted.first_residual_var
                        ),
                        0
                    )
        end as residual_var
    from fitted
    left join corrections
        on
            fitted.ticker = corrections.ticker
            and fitted.session_number = corrections.session_number
            and fitted.window_sessions = corrections.window_sessions

),

finished as (

    select
        *,
        case
            -- Below this only rounding is left: the share is the bitcoin series itself.
            when
                window_status = 'ok'
                and residual_var <= 1e-20 * (y_var + y_mean * y_mean)
                then 'no_residual'
            else window_status
        end as status
    from corrected

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

){{ ',' if carries }}

{%- if carries %}

all_rows as (

    select * from reported
    union all by name
    select * from carried

)

select * from all_rows
{%- else %}

select * from reported
{%- endif %}
order by ticker, session_date, window_sessions

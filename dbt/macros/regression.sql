{#-
  The steps of an event study as CTEs, shared by shares and portfolios.

  Every macro emits `name as (...)` CTEs for a WITH list and takes the names of earlier CTEs and
  the key columns of one series, so that the same SQL fits a share and a portfolio.
-#}

{% macro _keys(keys, relation) -%}
    {% for key in keys %}{{ relation }}.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro _on_keys(keys, left, right) -%}
    {% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#-
  Sums over runs of consecutive sessions, for each window length of `lengths`.
  `returns` has the keys, session_number, ret, market_return (both present).
-#}
{% macro rolling_sums(returns, lengths, keys, name) -%}
{{ name }}_runs as (

    select
        {{ _keys(keys, returns) }},
        {{ lengths }}.n_days,
        {{ returns }}.session_number,
        sum({{ returns }}.ret) over run as ret_sum,
        sum({{ returns }}.market_return) over run as market_sum,
        count(*) over run as n_present
    from {{ returns }}
    cross join {{ lengths }}
    window run as (
        partition by {{ _keys(keys, returns) }}, {{ lengths }}.n_days
        order by {{ returns }}.session_number
        range between ({{ lengths }}.n_days - 1) preceding and current row
    )

),

{{ name }} as (

    select
        {{ keys | join(', ') }},
        n_days,
        session_number,
        ret_sum,
        market_sum
    from {{ name }}_runs
    -- A run with a hole is shorter than its length says.
    where n_present = n_days

)
{%- endmacro %}

{#-
  Ordinary least squares of ret on one factor over the rows of `panel` (keys, session_number,
  ret, market_return), ending in the CTE `name`: one row per series with a row in the panel.

  Sums are over centred values; the squared errors are summed in a second pass, since the short
  form Syy - b Sxy cancels where the fit is close. Bounds 1e-12 (factor) and 1e-20 (errors) are
  relative to the uncentred sums of squares: below them only rounding is left.
-#}
{% macro one_factor_fit(panel, keys, name) -%}
{{ name }}_moments as (

    select
        {{ keys | join(', ') }},
        count(*) as n_est,
        min(session_number) as first_number,
        max(session_number) as last_number,
        avg(market_return) as market_mean,
        avg(ret) as ret_mean,
        var_pop(market_return) * count(*) as market_sxx,
        covar_pop(ret, market_return) * count(*) as ret_market_sxy,
        var_pop(ret) * count(*) as ret_syy,
        sum(market_return * market_return) as market_scale,
        sum(ret * ret) as ret_scale
    from {{ panel }}
    group by {{ keys | join(', ') }}

),

{{ name }}_slopes as (

    select
        *,
        market_sxx <= 1e-12 * market_scale as is_collinear,
        case
            when market_sxx > 1e-12 * market_scale then ret_market_sxy / market_sxx
        end as slope
    from {{ name }}_moments

),

{{ name }}_errors as (

    select
        {{ _keys(keys, 'slopes') }},
        sum(
            power(
                panel.ret - slopes.ret_mean
                - slopes.slope * (panel.market_return - slopes.market_mean),
                2
            )
        ) as sse
    from {{ panel }} as panel
    inner join {{ name }}_slopes as slopes on {{ _on_keys(keys, 'panel', 'slopes') }}
    group by {{ _keys(keys, 'slopes') }}

),

{{ name }}_judged as (

    select
        slopes.*,
        errors.sse,
        case
            -- Two coefficients need a third row for the variance, whatever the parameter says.
            when slopes.n_est < greatest(parameters.min_estimation_sessions, 3) then 'insufficient'
            when slopes.is_collinear then 'collinear'
            when errors.sse <= 1e-20 * slopes.ret_scale then 'no_variance'
            else 'ok'
        end as fit_status
    from {{ name }}_slopes as slopes
    inner join {{ name }}_errors as errors on {{ _on_keys(keys, 'slopes', 'errors') }}
    cross join {{ ref('int_study_parameters') }} as parameters

),

{{ name }} as (

    select
        {{ keys | join(', ') }},
        n_est,
        first_number,
        last_number,
        fit_status,
        case when fit_status = 'ok' then n_est - 2 end as df_resid,
        case when fit_status = 'ok' then ret_mean - slope * market_mean end as alpha,
        case when fit_status = 'ok' then slope end as beta_market,
        case when fit_status = 'ok' then 1 - sse / nullif(ret_syy, 0) end as r2,
        case when fit_status = 'ok' then sqrt(sse / (n_est - 2)) end as resid_sd,
        market_mean,
        market_sxx
    from {{ name }}_judged

)
{%- endmacro %}

{#-
  Cumulative abnormal returns of `daily` rows (keys, rel_day, ret, market_return, expected, ar)
  over every study window, with the standard deviation of section 1 from `fits`.
  A window with a missing day has no sums: the rest of its days would be another window.
-#}
{% macro window_returns(daily, fits, keys, name) -%}
{{ name }}_sums as (

    select
        {{ _keys(keys, 'daily') }},
        windows.window_id,
        windows.n_days,
        windows.overlaps_estimation,
        count(daily.ret) = windows.n_days as has_all_returns,
        count(daily.ret) = windows.n_days and count(daily.market_return) = windows.n_days
            as is_complete,
        sum(daily.ar) as ar_sum,
        sum(daily.market_return) as market_sum,
        product(1 + daily.ret) as ret_growth,
        product(1 + daily.expected) as expected_growth
    from {{ daily }} as daily
    inner join {{ ref('int_study_windows') }} as windows
        on daily.rel_day between windows.first_day and windows.last_day
    group by
        {{ _keys(keys, 'daily') }},
        windows.window_id, windows.n_days, windows.overlaps_estimation

),

{{ name }}_judged as (

    select
        sums.*,
        fits.alpha,
        fits.beta_market,
        fits.resid_sd,
        fits.df_resid,
        fits.n_est,
        fits.market_mean,
        fits.market_sxx,
        case
            when fits.series_status <> 'ok' then fits.series_status
            when sums.overlaps_estimation then 'overlaps_estimation'
            when not sums.is_complete then 'incomplete_window'
            else 'ok'
        end as status
    from {{ name }}_sums as sums
    inner join {{ fits }} as fits on {{ _on_keys(keys, 'sums', 'fits') }}

),

{{ name }} as (

    select
        {{ keys | join(', ') }},
        window_id,
        n_days,
        status,
        case when has_all_returns then ret_growth - 1 end as raw_return,
        case when status = 'ok' then expected_growth - 1 end as expected_return,
        case when status = 'ok' then ar_sum end as car,
        case when status = 'ok' then ret_growth - expected_growth end as bhar,
        case when status = 'ok' then resid_sd * sqrt(n_days) end as car_sd_simple,
        case
            when status = 'ok'
                then resid_sd * sqrt(
                    n_days
                    + n_days * n_days / n_est
                    + power(market_sum - n_days * market_mean, 2) / market_sxx
                )
        end as car_sd_pred
    from {{ name }}_judged

)
{%- endmacro %}

{#-
  How many of the estimation window's overlapping L-session residual sums lie at or below the
  CAR, and at or beyond its size on either side. `cars` has the keys, event_id, window_id,
  n_days, car; `fits` alpha and beta_market; `rolled` is a result of rolling_sums whose keys are
  `rolled_keys`; `bounds` has event_id and the estimation bounds as session numbers.
-#}
{% macro residual_quantiles(cars, fits, rolled, keys, rolled_keys, bounds, name) -%}
{{ name }} as (

    select
        {{ _keys(keys, 'cars') }},
        cars.window_id,
        count(*) as n_sums,
        count(*) filter (
            where rolled.ret_sum - cars.n_days * fits.alpha - fits.beta_market * rolled.market_sum
            <= cars.car
        ) as n_at_or_below,
        count(*) filter (
            where abs(
                rolled.ret_sum - cars.n_days * fits.alpha - fits.beta_market * rolled.market_sum
            ) >= abs(cars.car)
        ) as n_at_or_beyond
    from {{ cars }} as cars
    inner join {{ fits }} as fits on {{ _on_keys(keys, 'cars', 'fits') }}
    inner join {{ bounds }} as bounds on cars.event_id = bounds.event_id
    inner join {{ rolled }} as rolled
        on {{ _on_keys(rolled_keys, 'cars', 'rolled') }}
        and cars.n_days = rolled.n_days
        and rolled.session_number between bounds.estimation_first_number + cars.n_days - 1
        and bounds.estimation_last_number
    where cars.status = 'ok'
    group by {{ _keys(keys, 'cars') }}, cars.window_id

)
{%- endmacro %}

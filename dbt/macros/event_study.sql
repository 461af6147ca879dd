{#-
  The steps of an event study as CTEs, shared by shares and portfolios.

  Every macro emits `name as (...)` CTEs for a WITH list and takes the names of earlier relations
  and the key columns of one series. `max_factors` (a var) is the largest number of factors a
  model of the study has: each further factor is one more generated column and elimination step,
  never new SQL. Models with fewer factors have zeros in the columns that are not theirs.
-#}

{% macro _keys(keys, relation) -%}
    {% for key in keys %}{{ relation }}.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro _on_keys(keys, left, right) -%}
    {% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#- Columns `prefix_1, prefix_2, ...` of a relation. -#}
{% macro factor_columns(prefix, relation) -%}
    {% for j in range(1, var('max_factors') + 1) -%}
        {{ relation }}.{{ prefix }}_{{ j }}{{ ', ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Sum over the factors of slope_j * (z_j - z_mean_j): what the factors add to the mean return. -#}
{% macro factor_effect(fits, rows) -%}
    {% for j in range(1, var('max_factors') + 1) %}
        + {{ fits }}.slope_{{ j }} * ({{ rows }}.z_{{ j }} - {{ fits }}.z_mean_{{ j }})
    {%- endfor %}
{%- endmacro %}

{#-
  The part of forecast leverage that the factors cause, d'S^-1 d for the deviations d_j given by
  `deviations` (a list of SQL expressions), from the eliminated cross products of the fit:
  u_1 = d_1, u_m = d_m - sum of l_mj u_j, and the leverage is the sum of u_m^2 / pivot_m.
-#}
{% macro factor_leverage(fits, deviations) -%}
    {% set u = [] %}
    {% for m in range(1, var('max_factors') + 1) %}
        {% set terms = [deviations[m - 1]] %}
        {% for j in range(1, m) %}
            {% do terms.append('- ' ~ fits ~ '.l_' ~ m ~ '_' ~ j ~ ' * ' ~ u[j - 1]) %}
        {% endfor %}
        {% do u.append('(' ~ terms | join(' ') ~ ')') %}
        + power({{ u[m - 1] }}, 2) * {{ fits }}.inverse_pivot_{{ m }}
    {%- endfor %}
{%- endmacro %}

{#-
  Ordinary least squares of `y` on the panel's orthogonalised factors z_1, ... with an intercept,
  over the rows of `panel` (keys with panel_number, rel_day, ret, y, z_1, ...): one row per series.
  `panels` (those of the events where not given) says what is estimated.

  One pass takes means and centred cross products; Gaussian elimination on them gives the slopes
  and what the leverage needs (l_mj, inverse_pivot_m). Since the z are orthogonal over the whole
  estimation window (int_event_basis), the elimination only has to mend what a series' own holes
  disturb, so nothing is lost to rounding. A pivot below 1e-12 of the factor's uncentred sum of
  squares leaves the factor without a slope and the series `collinear`.
-#}
{% macro least_squares(panel, keys, name, panels=none) -%}
{%- set n = var('max_factors') %}
{{ name }}_moments as (

    select
        {{ keys | join(', ') }},
        count(*) as n_est,
        min(rel_day) as first_rel_day,
        max(rel_day) as last_rel_day,
        avg(y) as y_mean,
        var_pop(y) * count(*) as syy,
        sum(ret * ret) as ret_scale
        {%- for j in range(1, n + 1) %},
        avg(z_{{ j }}) as z_mean_{{ j }},
        covar_pop(z_{{ j }}, y) * count(*) as sy0_{{ j }}
        {%- for i in range(1, j + 1) %},
        covar_pop(z_{{ j }}, z_{{ i }}) * count(*) as s0_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from {{ panel }}
    group by {{ keys | join(', ') }}

),

{{ name }}_eliminated_0 as (

    select
        moments.*,
        panels.method,
        panels.n_regressors,
        panels.is_collinear as is_collinear_0
    from {{ name }}_moments as moments
    inner join {{ panels or ref('int_event_panels') }} as panels
        on moments.panel_number = panels.panel_number

),
{% for m in range(1, n + 1) %}
{{ name }}_pivot_{{ m }} as (

    select
        *,
        case
            when
                {{ m }} <= n_regressors
                and s{{ m - 1 }}_{{ m }}_{{ m }}
                > 1e-12 * (s0_{{ m }}_{{ m }} + n_est * z_mean_{{ m }} * z_mean_{{ m }})
                then 1 / s{{ m - 1 }}_{{ m }}_{{ m }}
            else 0
        end as inverse_pivot_{{ m }}
    from {{ name }}_eliminated_{{ m - 1 }}

),

{{ name }}_eliminated_{{ m }} as (

    select
        *,
        is_collinear_{{ m - 1 }} or ({{ m }} <= n_regressors and inverse_pivot_{{ m }} = 0)
            as is_collinear_{{ m }}
        {%- for j in range(m + 1, n + 1) %},
        s{{ m - 1 }}_{{ j }}_{{ m }} * inverse_pivot_{{ m }} as l_{{ j }}_{{ m }},
        sy{{ m - 1 }}_{{ j }}
        - s{{ m - 1 }}_{{ j }}_{{ m }} * inverse_pivot_{{ m }} * sy{{ m - 1 }}_{{ m }}
            as sy{{ m }}_{{ j }}
        {%- for i in range(m + 1, j + 1) %},
        s{{ m - 1 }}_{{ j }}_{{ i }}
        - s{{ m - 1 }}_{{ j }}_{{ m }} * inverse_pivot_{{ m }} * s{{ m - 1 }}_{{ i }}_{{ m }}
            as s{{ m }}_{{ j }}_{{ i }}
        {%- endfor %}
        {%- endfor %}
    from {{ name }}_pivot_{{ m }}

),
{% endfor %}
{%- for m in range(n, 0, -1) %}
{{ name }}_solved_{{ m }} as (

    select
        *,
        sy{{ m - 1 }}_{{ m }} * inverse_pivot_{{ m }}
        {%- for j in range(m + 1, n + 1) %} - l_{{ j }}_{{ m }} * slope_{{ j }}{% endfor %}
            as slope_{{ m }}
    from {{ name }}_{{ 'eliminated_' ~ n if m == n else 'solved_' ~ (m + 1) }}

),
{% endfor %}
{{ name }} as (

    select
        {{ keys | join(', ') }},
        n_est,
        first_rel_day,
        last_rel_day,
        is_collinear_{{ n }} as is_collinear,
        syy,
        ret_scale,
        -- What the factors leave of the squares; exact but for rounding in the size of syy.
        syy {%- for m in range(1, n + 1) %}
        - sy{{ m - 1 }}_{{ m }} * sy{{ m - 1 }}_{{ m }} * inverse_pivot_{{ m }}
        {%- endfor %} as sse_by_difference,
        case when method = 'market_adjusted' then y_mean else 0 end as residual_mean,
        {% for j in range(1, n + 1) -%}
        z_mean_{{ j }},
        slope_{{ j }},
        inverse_pivot_{{ j }},
        {% for i in range(1, j) -%}
        l_{{ j }}_{{ i }},
        {% endfor -%}
        {% endfor -%}
        -- The market-adjusted model estimates no mean: its expected return is the market's.
        case when method = 'market_adjusted' then 0 else y_mean end as level
    from {{ name }}_solved_1

)
{%- endmacro %}

{#-
  Status and coefficients of `fits`: one row per series. alpha and beta_j are in terms of the
  factors' own returns.

  The squared residuals are the difference that the elimination leaves. Where the fit is so close
  that this difference has lost digits (less than a ten-thousandth of the squares is left), they are
  summed over `residuals` (keys, residual) instead; summing them for every series would be one more
  pass over the longest table.
-#}
{% macro judged_fits(fits, residuals, keys, name, panels=none) -%}
{%- set n = var('max_factors') %}
{{ name }}_close as (

    select {{ keys | join(', ') }} from {{ fits }}
    where sse_by_difference < 1e-4 * syy

),

{{ name }}_resummed as (

    select
        {{ _keys(keys, 'close_fits') }},
        var_pop(residuals.residual) * count(*) as sse
    from {{ name }}_close as close_fits
    inner join {{ residuals }} as residuals on {{ _on_keys(keys, 'close_fits', 'residuals') }}
    group by {{ _keys(keys, 'close_fits') }}

),

{{ name }}_summed as (

    select
        fits.*,
        coalesce(resummed.sse, fits.sse_by_difference) as sse
    from {{ fits }} as fits
    left join {{ name }}_resummed as resummed on {{ _on_keys(keys, 'fits', 'resummed') }}

),

{{ name }}_with_panel as (

    select
        fits.*,
        panels.method,
        panels.n_coefficients,
        panels.leverage,
        panels.return_kind,
        {%- for j in range(1, n + 1) %}
        panels.factor_mean_{{ j }},
        {%- for i in range(1, j) %}
        panels.c_{{ j }}_{{ i }},
        {%- endfor %}
        {%- endfor %}
        case
            -- The variance needs a row more than there are coefficients, whatever the parameter
            -- says.
            when
                fits.n_est
                < greatest(parameters.min_estimation_sessions, panels.n_coefficients + 1)
                then 'insufficient'
            when fits.is_collinear then 'collinear'
            -- Below this only rounding is left.
            when fits.sse <= 1e-20 * fits.ret_scale then 'no_variance'
            else 'ok'
        end as fit_status
    from {{ name }}_summed as fits
    inner join {{ panels or ref('int_event_panels') }} as panels
        on fits.panel_number = panels.panel_number
    cross join {{ ref('int_study_parameters') }} as parameters

),
{% for m in range(n, 0, -1) %}
{{ name }}_beta_{{ m }} as (

    -- x_j = mean_j + z_j + sum c_ji z_i, so that slope_m = beta_m + sum c_jm beta_j.
    select
        *,
        slope_{{ m }}
        {%- for j in range(m + 1, n + 1) %} - c_{{ j }}_{{ m }} * factor_beta_{{ j }}{% endfor %}
            as factor_beta_{{ m }}
    from {{ name }}_{{ 'with_panel' if m == n else 'beta_' ~ (m + 1) }}

),
{% endfor %}
{{ name }} as (

    select
        {{ keys | join(', ') }},
        n_est,
        first_rel_day,
        last_rel_day,
        fit_status,
        return_kind,
        n_est - n_coefficients as df_resid,
        residual_mean,
        -- Fewer rows than coefficients: whatever rounding has left would be divided by less than nothing.
        case when n_est > n_coefficients then sqrt(sse / (n_est - n_coefficients)) end as resid_sd,
        case when method = 'ols' then 1 - sse / nullif(syy, 0) end as r2,
        level,
        case
            when method = 'market_adjusted' then 0
            else level
                {%- for j in range(1, n + 1) %}
                - slope_{{ j }} * z_mean_{{ j }} - factor_beta_{{ j }} * factor_mean_{{ j }}
                {%- endfor %}
        end as alpha,
        {%- for j in range(1, n + 1) %}
        {% if j == 1 -%}
        case when method = 'market_adjusted' then 1 else factor_beta_1 end as factor_beta_1,
        {%- else -%}
        factor_beta_{{ j }},
        {%- endif %}
        z_mean_{{ j }},
        slope_{{ j }},
        inverse_pivot_{{ j }},
        {%- for i in range(1, j) %}
        l_{{ j }}_{{ i }},
        {%- endfor %}
        {%- endfor %}
        -- Share of the mean's own uncertainty in a forecast; none where no mean is estimated.
        case
            when method = 'market_adjusted' and leverage = 'model' then 0
            else 1 / n_est
        end as mean_leverage
    from {{ name }}_beta_1

)
{%- endmacro %}

{#-
  Cumulative abnormal returns of `daily` rows (keys, rel_day, ret, expected, ar, z_1, ...) over
  every study window, with the standard deviations of section 1 from `estimates`.
  A window with a missing day has no sums: the rest of its days would be another window.
  `windows`: another relation shaped like int_study_windows.
-#}
{% macro window_returns(daily, estimates, keys, name, windows=none) -%}
{%- set n = var('max_factors') %}
{{ name }}_sums as (

    select
        {{ _keys(keys, 'daily') }},
        windows.window_id,
        windows.n_days,
        windows.overlaps_estimation,
        count(daily.ret) = windows.n_days as has_all_returns,
        count(daily.ar) = windows.n_days as is_complete,
        sum(daily.ar) as ar_sum,
        {%- for j in range(1, n + 1) %}
        sum(daily.z_{{ j }}) as z_sum_{{ j }},
        {%- endfor %}
        {{ product_of('1 + daily.simple_return') }} as ret_growth,
        {{ product_of('1 + daily.expected') }} as simple_growth,
        exp(sum(daily.expected)) as log_growth
    from {{ daily }} as daily
    inner join {{ windows or ref('int_study_windows') }} as windows
        on daily.rel_day between windows.first_day and windows.last_day
    group by
        {{ _keys(keys, 'daily') }},
        windows.window_id, windows.n_days, windows.overlaps_estimation

),

{{ name }}_judged as (

    select
        sums.*,
        estimates.resid_sd,
        case
            when estimates.series_status <> 'ok' then estimates.series_status
            when sums.overlaps_estimation then 'overlaps_estimation'
            when not sums.is_complete then 'incomplete_window'
            else 'ok'
        end as status,
        case
            when estimates.return_kind = 'log' then sums.log_growth else sums.simple_growth
        end as expected_growth,
        estimates.resid_sd * sqrt(
            sums.n_days
            + sums.n_days * sums.n_days * estimates.mean_leverage
            {%- set deviations = [] %}
            {%- for j in range(1, n + 1) %}
            {%- do deviations.append(
                '(sums.z_sum_' ~ j ~ ' - sums.n_days * estimates.z_mean_' ~ j ~ ')'
            ) %}
            {%- endfor %}
            {{ factor_leverage('estimates', deviations) }}
        ) as sd_pred
    from {{ name }}_sums as sums
    inner join {{ estimates }} as estimates on {{ _on_keys(keys, 'sums', 'estimates') }}

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
        case when status = 'ok' then sd_pred end as car_sd_pred
    from {{ name }}_judged

)
{%- endmacro %}

{#-
  Sums over runs of consecutive sessions of `residuals` (keys, rel_day, residual), for each window
  length of the study. A run with a hole is shorter than its length says and has no sum.
-#}
{% macro rolling_residuals(residuals, keys, name) -%}
{{ name }}_lengths as (

    select distinct n_days from {{ ref('int_study_windows') }}

),

{{ name }}_runs as (

    select
        {{ _keys(keys, 'residuals') }},
        lengths.n_days,
        residuals.rel_day,
        sum(residuals.residual) over run as residual_sum,
        count(*) over run as n_present
    from {{ residuals }} as residuals
    cross join {{ name }}_lengths as lengths
    where lengths.n_days > 1
    window run as (
        partition by {{ _keys(keys, 'residuals') }}, lengths.n_days
        {{ last_numbers('residuals.rel_day', 'lengths.n_days', without_holes=false) }}
    )

),

{{ name }} as (

    select
        {{ keys | join(', ') }},
        n_days,
        rel_day,
        residual_sum
    from {{ name }}_runs
    where n_present = n_days
    union all
    -- A single session is its own sum.
    select
        {{ _keys(keys, 'residuals') }},
        lengths.n_days,
        residuals.rel_day,
        residuals.residual as residual_sum
    from {{ residuals }} as residuals
    cross join {{ name }}_lengths as lengths
    where lengths.n_days = 1

)
{%- endmacro %}

{#-
  How many of the estimation window's overlapping L-session residual sums (`rolled`) lie at or
  below the CAR, and at or beyond its size on either side.
-#}
{% macro residual_quantiles(cars, rolled, keys, name) -%}
{{ name }} as (

    select
        {{ _keys(keys, 'cars') }},
        cars.window_id,
        count(*) as n_sums,
        count(*) filter (where rolled.residual_sum <= cars.car) as n_at_or_below,
        count(*) filter (where abs(rolled.residual_sum) >= abs(cars.car)) as n_at_or_beyond
    from {{ cars }} as cars
    inner join {{ rolled }} as rolled
        on {{ _on_keys(keys, 'cars', 'rolled') }} and cars.n_days = rolled.n_days
    where cars.status = 'ok'
    group by {{ _keys(keys, 'cars') }}, cars.window_id

)
{%- endmacro %}

{#- Average rank of tied values: half way between the first and the last of them. -#}
{% macro mean_rank(window_name) -%}
    (rank() over {{ window_name }} + count(*) over {{ window_name }}) / 2
{%- endmacro %}

{#-
  A return for ranking: two that differ by rounding are tied. Adding and taking away 2^12 leaves a
  multiple of 2^-40 (about 1e-12), at a fraction of the cost of `round`.
-#}
{% macro tie_value(value) -%}
    ({{ value }} + 4096::double) - 4096::double
{%- endmacro %}

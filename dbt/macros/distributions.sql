{#-
  Tail probabilities of Student's t and the normal distribution, and the t quantile.

  SQL has none of them. Closed forms lose every digit in the tails through cancellation, so
  each probability is a continued fraction evaluated from its last level upwards: in the tail
  it gives the small probability itself, in the centre its complement (never below about 0.08,
  where 1 - x costs no accuracy).

  `where_is` binds a value to a name: the argument may be any expression and is evaluated once.
  Missing or non-positive degrees of freedom give NULL.
-#}

{#- I_x(a, b) of a record `v` with a, b, x and y = 1 - x.

  24 steps of two levels reach 1e-13 for any degrees of freedom on the side of the boundary the
  callers keep to. -#}
{% macro _incomplete_beta(v) -%}
    exp(
        {{ ln_gamma(v ~ '.a + ' ~ v ~ '.b') }} - {{ ln_gamma(v ~ '.a') }} - {{ ln_gamma(v ~ '.b') }}
        + {{ v }}.a * ln({{ v }}.x) + {{ v }}.b * ln({{ v }}.y)
    ) / {{ v }}.a / (
        1 - ({{ v }}.a + {{ v }}.b) * {{ v }}.x / ({{ v }}.a + 1) / {{ folded(
            24, '1e0', 'k', 'm',
            '1 + m * (' ~ v ~ '.b - m) * ' ~ v ~ '.x
            / ((' ~ v ~ '.a + 2 * m - 1) * (' ~ v ~ '.a + 2 * m))
            / (
                1 - (' ~ v ~ '.a + m) * (' ~ v ~ '.a + ' ~ v ~ '.b + m) * ' ~ v ~ '.x
                / ((' ~ v ~ '.a + 2 * m) * (' ~ v ~ '.a + 2 * m + 1)) / k
            )'
        ) }}
    )
{%- endmacro %}

{#- P(|T| >= |t|) for `df` degrees of freedom. -#}
{% macro student_t_two_sided_p(t, df) -%}
    {%- set squared = record({
        'q': 'cast(' ~ t ~ ' as double) * cast(' ~ t ~ ' as double)',
        'df': 'cast(' ~ df ~ ' as double)',
    }) -%}
    {%- set tail = record({
        'is_tail': 'true',
        'a': 'u.df / 2',
        'b': '5e-1',
        'x': 'u.df / (u.df + least(u.q, 1e300))',
        'y': 'least(u.q, 1e300) / (u.df + least(u.q, 1e300))',
    }) -%}
    {%- set centre = record({
        'is_tail': 'false',
        'a': '5e-1',
        'b': 'u.df / 2',
        'x': 'greatest(u.q, 1e-300) / (u.df + u.q)',
        'y': 'u.df / (u.df + u.q)',
    }) -%}
    {%- set sides -%}
        case
            when u.q is null or u.df is null or u.df <= 0 or isnan(u.q) then null
            -- The fraction converges fast on this side of the boundary.
            when u.q > 3 * u.df / (u.df + 2) then {{ tail }}
            else {{ centre }}
        end
    {%- endset -%}
    {%- set probability -%}
        case
            when v is null then null
            when v.is_tail then {{ _incomplete_beta('v') }}
            else 1 - {{ _incomplete_beta('v') }}
        end
    {%- endset -%}
    {{ where_is('v', where_is('u', squared, sides), probability) }}
{%- endmacro %}

{#- P(T <= t). -#}
{% macro student_t_lower_p(t, df) -%}
    {{ where_is(
        'w',
        record({'t': 'cast(' ~ t ~ ' as double)', 'p': student_t_two_sided_p(t, df)}),
        'case when w.t > 0 then 1 - w.p / 2 else w.p / 2 end'
    ) }}
{%- endmacro %}

{#- P(|Z| >= |z|): Laplace's continued fraction of Mills' ratio in the tail, a series in the centre. -#}
{% macro normal_two_sided_p(z) -%}
    {%- set probability -%}
        case
            when u is null or isnan(u) then null
            when u < 1.5e0 then 1 - 2 * u * exp(-u * u / 2) / sqrt(2 * pi())
                * {{ folded(30, '1e0', 's', 'm', '1 + s * u * u / (2 * m + 1)') }}
            else 2 * exp(-u * u / 2) / sqrt(2 * pi()) / {{ folded(120, 'u', 'k', 'm', 'u + m / k') }}
        end
    {%- endset -%}
    {{ where_is('u', 'abs(cast(' ~ z ~ ' as double))', probability) }}
{%- endmacro %}

{#- P(Z <= z). -#}
{% macro normal_lower_p(z) -%}
    {{ where_is(
        'w',
        record({'z': 'cast(' ~ z ~ ' as double)', 'p': normal_two_sided_p(z)}),
        'case when w.z > 0 then 1 - w.p / 2 else w.p / 2 end'
    ) }}
{%- endmacro %}

{#-
  The t for which P(T <= t) = p.

  Newton's method from zero on the concave half of the distribution function never overshoots;
  40 steps reach p = 1e-11 for one degree of freedom, where the quantile only doubles per step.
-#}
{% macro student_t_quantile(p, df) -%}
    {%- set step -%}
        t + (
            {{ student_t_two_sided_p('t', 'g.df') }} / 2 - least(g.p, 1 - g.p)
        ) * sqrt(g.df * pi()) * exp(
            {{ ln_gamma('g.df / 2') }} - {{ ln_gamma('(g.df + 1) / 2') }}
            + (g.df + 1) / 2 * ln(1 + t * t / g.df)
        )
    {%- endset -%}
    {%- set quantile -%}
        case
            when g.p is null or g.df is null or g.df <= 0 or g.p <= 0 or g.p >= 1 then null
            else sign(g.p - 5e-1) * {{ folded(40, '0e0', 't', 'step', step) }}
        end
    {%- endset -%}
    {{ where_is(
        'g',
        record({'p': 'cast(' ~ p ~ ' as double)', 'df': 'cast(' ~ df ~ ' as double)'}),
        quantile
    ) }}
{%- endmacro %}

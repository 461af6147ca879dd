{#-
  Tail probabilities of Student's t and the normal distribution, and the t quantile.

  SQL has none of them. Closed forms lose every digit in the tails through cancellation, so
  each probability is a continued fraction evaluated from its last level upwards: in the tail
  it gives the small probability itself, in the centre its complement (never below about 0.08,
  where 1 - x costs no accuracy).

  `list_transform([struct], lambda v: ...)[1]` binds a value to a name: the argument may be any
  expression and is evaluated once. Missing or non-positive degrees of freedom give NULL.
-#}

{#- I_x(a, b) of a struct `v` with a, b, x and y = 1 - x.

  24 steps of two levels reach 1e-13 for any degrees of freedom on the side of the boundary the
  callers keep to. The length is fixed on purpose: DuckDB 1.5.5 mixes up rows when a lambda that
  captures values reduces lists of different lengths. -#}
{% macro _incomplete_beta(v) -%}
    exp(
        lgamma({{ v }}.a + {{ v }}.b) - lgamma({{ v }}.a) - lgamma({{ v }}.b)
        + {{ v }}.a * ln({{ v }}.x) + {{ v }}.b * ln({{ v }}.y)
    ) / {{ v }}.a / (
        1 - ({{ v }}.a + {{ v }}.b) * {{ v }}.x / ({{ v }}.a + 1) / list_reduce(
            range(24, 0, -1),
            lambda k, m:
                1 + m * ({{ v }}.b - m) * {{ v }}.x
                / (({{ v }}.a + 2 * m - 1) * ({{ v }}.a + 2 * m))
                / (
                    1 - ({{ v }}.a + m) * ({{ v }}.a + {{ v }}.b + m) * {{ v }}.x
                    / (({{ v }}.a + 2 * m) * ({{ v }}.a + 2 * m + 1)) / k
                ),
            1.0::double
        )
    )
{%- endmacro %}

{#- P(|T| >= |t|) for `df` degrees of freedom. -#}
{% macro student_t_two_sided_p(t, df) -%}
    list_transform(
        list_transform(
            [{'q': cast({{ t }} as double) * cast({{ t }} as double), 'df': cast({{ df }} as double)}],
            lambda u: case
                when u.q is null or u.df is null or u.df <= 0 or isnan(u.q) then null
                -- The fraction converges fast on this side of the boundary.
                when u.q > 3 * u.df / (u.df + 2) then {
                    'is_tail': true,
                    'a': u.df / 2,
                    'b': 0.5::double,
                    'x': u.df / (u.df + least(u.q, 1e300)),
                    'y': least(u.q, 1e300) / (u.df + least(u.q, 1e300))
                }
                else {
                    'is_tail': false,
                    'a': 0.5::double,
                    'b': u.df / 2,
                    'x': greatest(u.q, 1e-300) / (u.df + u.q),
                    'y': u.df / (u.df + u.q)
                }
            end
        ),
        lambda v: case
            when v is null then null
            when v.is_tail then {{ _incomplete_beta('v') }}
            else 1 - {{ _incomplete_beta('v') }}
        end
    )[1]
{%- endmacro %}

{#- P(T <= t). -#}
{% macro student_t_lower_p(t, df) -%}
    list_transform(
        [{'t': cast({{ t }} as double), 'p': {{ student_t_two_sided_p(t, df) }}}],
        lambda w: case when w.t > 0 then 1 - w.p / 2 else w.p / 2 end
    )[1]
{%- endmacro %}

{#- P(|Z| >= |z|): Laplace's continued fraction of Mills' ratio in the tail, a series in the centre. -#}
{% macro normal_two_sided_p(z) -%}
    list_transform(
        [abs(cast({{ z }} as double))],
        lambda u: case
            when u is null or isnan(u) then null
            when u < 1.5 then 1 - 2 * u * exp(-u * u / 2) / sqrt(2 * pi()) * list_reduce(
                range(30, 0, -1), lambda s, m: 1 + s * u * u / (2 * m + 1), 1.0::double
            )
            else 2 * exp(-u * u / 2) / sqrt(2 * pi()) / list_reduce(
                range(120, 0, -1), lambda k, m: u + m / k, u
            )
        end
    )[1]
{%- endmacro %}

{#- P(Z <= z). -#}
{% macro normal_lower_p(z) -%}
    list_transform(
        [{'z': cast({{ z }} as double), 'p': {{ normal_two_sided_p(z) }}}],
        lambda w: case when w.z > 0 then 1 - w.p / 2 else w.p / 2 end
    )[1]
{%- endmacro %}

{#-
  The t for which P(T <= t) = p.

  Newton's method from zero on the concave half of the distribution function never overshoots;
  40 steps reach p = 1e-11 for one degree of freedom, where the quantile only doubles per step.
-#}
{% macro student_t_quantile(p, df) -%}
    list_transform(
        [{'p': cast({{ p }} as double), 'df': cast({{ df }} as double)}],
        lambda g: case
            when g.p is null or g.df is null or g.df <= 0 or g.p <= 0 or g.p >= 1 then null
            else sign(g.p - 0.5) * list_reduce(
                range(40, 0, -1),
                lambda t, step: t + (
                    {{ student_t_two_sided_p('t', 'g.df') }} / 2 - least(g.p, 1 - g.p)
                ) * sqrt(g.df * pi()) * exp(
                    lgamma(g.df / 2) - lgamma((g.df + 1) / 2)
                    + (g.df + 1) / 2 * ln(1 + t * t / g.df)
                ),
                0.0::double
            )
        end
    )[1]
{%- endmacro %}

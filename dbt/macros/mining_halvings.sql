{#-
  Days (UTC) of the halvings and the subsidy from then on, in bitcoin per block:
  heights 0, 210,000, 420,000, 630,000 and 840,000.
-#}
{% macro halvings() -%}
    select
        halving_number,
        cast(halving_date as date) as halving_date,
        subsidy_btc
    from (
        values
        (0, '2009-01-03', 50.0::double),
        (1, '2012-11-28', 25.0::double),
        (2, '2016-07-09', 12.5::double),
        (3, '2020-05-11', 6.25::double),
        (4, '2024-04-20', 3.125::double)
    ) as known_halvings (halving_number, halving_date, subsidy_btc)
{%- endmacro %}

{#-
  Last day the table above is sure to cover. At the protocol's pace the fifth halving comes
  in April 2028; at the fastest pace of any period so far (a tenth faster) on 23 November 2027.
-#}
{% macro halvings_known_until() -%}
    date '2027-11-15'
{%- endmacro %}

-- Grain: one row per model, ticker, window length and session that ends a run of that many returns.
with

returns as (

    select * from {{ ref('int_study_returns') }}

),

lengths as (

    select distinct n_days from {{ ref('int_study_windows') }}

),

-- Sums of returns do not depend on the event: taken once here, every event's overlapping
-- residual sums follow by arithmetic.
{{ rolling_sums('returns', 'lengths', ['model_id', 'ticker'], 'rolled') }}

select * from rolled

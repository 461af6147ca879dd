-- Grain: one row per sample with at least one firm.
with

sample_firms as (

    select * from {{ ref('int_sample_firms') }}

),

listed as (

    select
        sample_number,
        panel_number,
        {{ list_of('firm_number', ['firm_number']) }} as firm_numbers
    from sample_firms
    group by sample_number, panel_number

),

numbered as (

    -- Windows and groups share most of their firms: what depends on the firms alone is summed once
    -- per basket of them.
    select
        cast(dense_rank() over (order by panel_number, firm_numbers) as integer)
            as basket_number,
        sample_number,
        panel_number,
        firm_numbers
    from listed

)

select * from numbered

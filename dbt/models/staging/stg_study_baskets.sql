-- Grain: one row per basket of shares.
with

source as (

    select * from {{ source('raw', 'study_baskets') }}

),

renamed as (

    select
        basket_id,
        title,
        rule_kind,
        rule_value
    from source

)

select * from renamed

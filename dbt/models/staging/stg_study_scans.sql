-- Grain: one row per scan of all sessions.
with

source as (

    select * from {{ source('raw', 'study_scans') }}

),

renamed as (

    select
        scan_id,
        title,
        group_id,
        model_id
    from source

)

select * from renamed

-- Rows that the latest load of each table left out because they broke its contract.
-- depends_on: {{ ref('stg_equity_prices') }}
with

latest_batches as (

    select
        table_name,
        batch_id
    from {{ loads_database() }}ingest.batches
    qualify row_number() over (
            partition by table_name
            order by loaded_at desc, batch_id desc
        ) = 1

)

select
    rejected.table_name,
    rejected.source_ref,
    rejected.column_name,
    rejected.reason
from {{ loads_database() }}ingest.rejected_rows as rejected
inner join latest_batches
    on
        rejected.table_name = latest_batches.table_name
        and rejected.batch_id = latest_batches.batch_id
order by rejected.table_name, rejected.source_ref

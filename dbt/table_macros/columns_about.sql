-- Columns of the published tables whose name, meaning or table speaks of something: where a
-- measure stands, and what it means. Without an argument every column.
-- Example: from marts.columns_about('hashprice')
create macro marts.columns_about(about := null) as table
with

found as (

    select
        columns.table_name,
        columns.column_name,
        columns.data_type,
        columns.comment as meaning,
        columns.column_index,
        contains(lower(columns.column_name), lower(cast(about as varchar))) as is_named_so
    from duckdb_columns() as columns
    where
        columns.database_name = current_database()
        and columns.schema_name = 'marts'
        and (
            about is null
            or contains(
                lower(concat_ws(' ', columns.table_name, columns.column_name, columns.comment)),
                lower(cast(about as varchar))
            )
        )

),

chosen as (

    select
        case
            when count(*) = 0
                then error(
                        'No column speaks of ''' || coalesce(cast(about as varchar), 'NULL')
                        || '''. All of them: from marts.columns_about()'
                    )
            else count(*)
        end as n_columns
    from found

)

select
    found.table_name,
    found.column_name,
    found.data_type,
    found.meaning
from found
inner join chosen on chosen.n_columns > 0
order by
    found.is_named_so desc nulls last,
    found.table_name asc,
    found.column_index asc

"""Bitcoin-miner data warehouse: Dagster extracts, dbt models, DuckDB stores and publishes."""

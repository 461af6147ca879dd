"""What SQL linting knows of dbt's `target`: SQL is read as it is for the working file."""

name = "prod"
type = "duckdb"

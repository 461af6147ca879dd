"""From raw tables to marts: what dbt models call."""

"""Contracts to tables, typed frames to rows, marts to publications. Knows no HTTP."""

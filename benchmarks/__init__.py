"""Benchmarks of the project: ``make bench``. Never part of the tests."""

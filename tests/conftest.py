"""Fixtures for all tests; the servers are in tests/servers.py."""

pytest_plugins = ["tests.servers"]

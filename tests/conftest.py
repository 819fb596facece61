"""Fixtures for all tests; the servers are in tests/servers.py, clean databases in tests/databases.py."""

pytest_plugins = ["tests.servers", "tests.mail_servers", "tests.databases", "tests.unipile_server"]

"""Reading sender accounts: the address of a provider's API."""

import pytest

from campaigns.rules.accounts import read_origin


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://api.unipile.com", "https://api.unipile.com"),
        (" api.unipile.com ", "https://api.unipile.com"),
        ("https://api.unipile.com/v2/", "https://api.unipile.com"),
        ("https://API1.example.com:13111", "https://api1.example.com:13111"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_kept_up_to_the_servers_name(address: str, origin: str) -> None:
    assert read_origin(address) == origin


@pytest.mark.parametrize(
    "address",
    [
        "http://api.unipile.com",
        "ftp://api.unipile.com",
        "https://",
        "https://key@api.unipile.com",
        "https://api.unipile.com/v1",
        "https://api.unipile.com/?a=b",
        "https://api.unipile.com:port",
        "https://[::1",
        "",
    ],
)
def test_no_other_address_is_one(address: str) -> None:
    assert read_origin(address) is None

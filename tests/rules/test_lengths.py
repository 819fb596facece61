"""How long the texts of LinkedIn steps may be, and for which accounts they are too long."""

from dataclasses import dataclass
from typing import Any

import pytest

from campaigns.rules.lengths import TooLong, fit, least_length, length, limits, text_of, too_long
from campaigns.rules.sequence import parse_nodes

NOTE = {"type": "connection_request", "include_message": True}


@dataclass(frozen=True)
class Seat:
    label: str
    is_premium: bool = False


SARAH, PIA = Seat("Sarah"), Seat("Pia", is_premium=True)


@pytest.mark.parametrize(
    ("text", "units"),
    [("", 0), ("abc", 3), ("Grüße", 5), ("日本", 2), ("😀", 2), ("👩‍👩‍👧", 8), ("a\nb", 3)],
)
def test_a_text_is_as_long_as_a_browser_takes_it_to_be(text: str, units: int) -> None:
    assert length(text) == units


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("Hello", 5),
        ("Hi %first_name%", 4),
        ("Hi %first_name|there%", 4),
        ("%custom_fields.City%, %company%!", 5),
        ("{% if company %}Long words about it{% else %}Short{% endif %}", 5),
        ("{% if company %}Short{% else %}Long words without it{% endif %}", 5),
        ("  Hello \n", 5),
        ("%nobody%", 8),
    ],
)
def test_the_least_length_is_that_for_whoever_has_the_shortest_values(text: str, least: int) -> None:
    assert least_length(text) == least


def test_what_an_account_may_write_depends_on_premium_and_of_several_the_least_holds() -> None:
    assert limits([])["connection_request"] == 200
    assert limits([True, True])["connection_request"] == 300
    assert limits([True, False])["connection_request"] == 200
    assert {limits(kinds)["message"] for kinds in ([], [True], [False])} == {8000}


@pytest.mark.parametrize(("premium", "most"), [(False, 200), (True, 300)])
def test_a_note_fits_up_to_its_limit_and_one_more_holds_the_person_back(premium: bool, most: int) -> None:
    assert fit("connection_request", "x" * most + " ", premium=premium) == "x" * most
    with pytest.raises(TooLong) as refused:
        fit("connection_request", "x" * (most + 1), premium=premium)
    assert str(refused.value) == (
        f"the note has {most + 1} characters for this person, and the account may write {most}"
    )


def test_emoji_count_as_linkedin_counts_them() -> None:
    fit("connection_request", "😀" * 100, premium=False)
    with pytest.raises(TooLong):
        fit("connection_request", "😀" * 101, premium=False)


def test_a_message_has_its_own_limit_whatever_the_account() -> None:
    fit("message", "x" * 8000, premium=False)
    with pytest.raises(TooLong, match=r"the message has 8,001 characters .* may write 8,000"):
        fit("message", "x" * 8001, premium=True)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (NOTE | {"body": "Hi"}, "Hi"),
        (NOTE, ""),
        ({"type": "connection_request", "body": "kept"}, None),
        ({"type": "message", "body": "Hi"}, "Hi"),
        ({"type": "email", "body": "Hi"}, None),
        ({"type": "delay", "delay_days": 1}, None),
        ({"type": "end"}, None),
    ],
)
def test_a_bare_invitation_says_nothing(node: dict[str, Any], text: str | None) -> None:
    assert text_of(parse_nodes([node])[0]) == text


def problems(body: str, *accounts: Seat, **values: Any) -> list[tuple[str, str]]:
    nodes = parse_nodes([{"type": "delay", "delay_days": 1}, NOTE | {"body": body} | values, {"type": "end"}])
    return [(problem.field, problem.message) for problem in too_long(nodes, accounts)]


def test_a_note_that_is_too_long_for_everybody_names_the_accounts() -> None:
    field, words = problems("x" * 201, PIA, SARAH)[0]
    assert field == "sequence_nodes[1].body"
    assert words.startswith("Connection request 1: the note has at least 201 characters, and Sarah may write 200, ")
    assert words.endswith("or 300 with LinkedIn Premium")
    assert problems("x" * 301, PIA)[0][1].endswith("and Pia may write 300")
    assert "Sarah and 1 other may write" in problems("x" * 201, SARAH, PIA, SARAH)[0][1]
    assert "Sarah and 2 others may write" in problems("x" * 301, SARAH, PIA, SARAH)[0][1]


def test_a_note_that_fits_somebody_is_no_problem() -> None:
    assert problems("x" * 200, SARAH) == []
    assert problems("x" * 300, PIA) == []
    assert problems("x" * 199 + "%company%", SARAH) == []
    assert problems("x" * 5000, SARAH, include_message=False) == []
    assert problems("x" * 5000) == []

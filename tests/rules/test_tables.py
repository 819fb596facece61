"""Tables of people, in whatever form spreadsheets write them."""

import pytest

from campaigns.rules.problems import Problems
from campaigns.rules.tables import MOST_BYTES, MOST_ROWS, Row, decode, read_table

TEXT = "Email,First name\nann@example.com,Änn\n"


def rows(text: str, needed: str = "email") -> list[Row]:
    return list(read_table(text, needed))


def refusal(text: str, needed: str = "email") -> str:
    with pytest.raises(Problems) as caught:
        rows(text, needed)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_file_is_read_in_the_encoding_that_the_spreadsheet_chose(encoding: str) -> None:
    assert rows(decode(TEXT.encode(encoding))) == [Row(2, {"email": "ann@example.com", "first_name": "Änn"})]


def test_a_big_endian_file_with_its_mark_is_read_too() -> None:
    assert rows(decode(b"\xfe\xff" + TEXT.encode("utf-16-be")))[0].values["first_name"] == "Änn"


@pytest.mark.parametrize("data", [b"\xff\xfe\x41", b"\xfe\xff\xd8", b"\x89PNG\x81\x8d\x00\xff\x00\xd8\x00"])
def test_what_is_no_text_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Problems, match="file"):
        rows(decode(data))


def test_ten_megabytes_are_read_and_a_byte_more_is_not() -> None:
    head, line = b"email,company\n", b"ann@example.com," + b"x" * 90_000 + b"\n"
    full = head + line * ((MOST_BYTES - len(head)) // len(line))
    full += b" " * (MOST_BYTES - len(full))
    assert len(rows(decode(full))) == 116
    with pytest.raises(Problems, match="10 MB"):
        decode(full + b"\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_may_be_parted_as_the_country_does_it(delimiter: str) -> None:
    text = delimiter.join(("Email", "Last name", "Company")) + "\r\n" + delimiter.join(("a@example.com", "Lee", "ACME"))
    assert rows(text) == [Row(2, {"email": "a@example.com", "last_name": "Lee", "company": "ACME"})]


def test_columns_are_known_by_the_names_that_people_give_them() -> None:
    head = "E-Mail;Vorname;Nachname;Firma;Job title;LinkedIn URL;TZ;Favourite tea;\n"
    (row,) = rows(head + "a@example.com;Ann;Lee;ACME;CEO;linkedin.com/in/a;Asia/Tokyo;Oolong;lost\n")
    assert row.values == {
        "email": "a@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "company": "ACME",
        "position": "CEO",
        "linkedin_url": "linkedin.com/in/a",
        "timezone": "Asia/Tokyo",
        "custom_fields": {"Favourite tea": "Oolong"},
    }


def test_a_second_column_of_the_same_name_is_a_custom_field() -> None:
    (row,) = rows("email,Email address\na@example.com,b@example.com")
    assert row.values == {"email": "a@example.com", "custom_fields": {"Email address": "b@example.com"}}


def test_quoted_cells_may_hold_line_breaks_delimiters_and_quotation_marks() -> None:
    text = 'email,company\na@example.com,"ACME, ""Inc""\nBerlin"\nb@example.com,B\n'
    first, second = rows(text)
    assert first.values["company"] == 'ACME, "Inc"\nBerlin'
    assert (first.line, second.line) == (3, 4)


def test_short_long_and_empty_lines_do_no_harm() -> None:
    text = "email,company\n\n  ,\na@example.com\nb@example.com,B,more,and more\n"
    assert [row.values for row in rows(text)] == [
        {"email": "a@example.com"},
        {"email": "b@example.com", "company": "B"},
    ]


def test_the_same_person_twice_is_two_rows_here() -> None:
    assert len(rows("email\na@example.com\nA@example.com\n")) == 2


@pytest.mark.parametrize("text", ["", "\n\n", "   \n", "\ufeff"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert "empty" in refusal(text)


def test_a_header_alone_is_a_table_of_nobody() -> None:
    assert rows("email,company\n") == []


def test_a_list_of_addresses_needs_no_header() -> None:
    assert [row.values["email"] for row in rows("a@example.com\nb@example.com\n")] == ["a@example.com", "b@example.com"]
    profile = "https://www.linkedin.com/in/ann"
    assert rows(f"{profile}\n", "linkedin_url") == [Row(1, {"linkedin_url": profile})]


def test_a_table_without_the_column_says_which_it_has() -> None:
    assert "no column called email" in refusal("name,company\nAnn,ACME\n")
    assert "name, company" in refusal("name,company\nAnn,ACME\n")
    assert "linkedin_url" in refusal("email\na@example.com\n", "linkedin_url")


def test_old_line_ends_and_nul_characters_do_no_harm() -> None:
    assert len(rows("email\ra@example.com\rb@example.com\r")) == 2
    assert rows("email\0,company\na@example.com,A\0CME")[0].values["company"] == "ACME"


def test_a_quotation_mark_that_is_never_closed_is_told() -> None:
    text = 'email,company\na@example.com,"ACME\n' + "b@example.com,B\n" * 20_000
    assert "quotation mark" in refusal(text)


def test_a_table_that_is_too_long_is_refused() -> None:
    assert f"{MOST_ROWS:,}" in refusal("email\n" + "a@example.com\n" * (MOST_ROWS + 1))

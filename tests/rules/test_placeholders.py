"""Placeholders: what is one, what fills it, and what a template can never do (CONTRACT section 6)."""

import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.liquid_subset import FILTERS, MOST_NESTING
from campaigns.rules.placeholders import (
    MOST_SOURCE,
    NAMES,
    BrokenTemplate,
    MissingValue,
    check,
    fill,
    fill_subject,
    is_key,
    names_used,
)

SARAH: dict[str, Any] = {
    "first_name": "Sarah",
    "last_name": "Chen",
    "name": "Sarah Chen",
    "email": "sarah@example.com",
    "company": None,
    "position": "",
    "headline": " \t",
    "custom_fields": {
        "seats": "12",
        "plan": "pro",
        "Job title": "CTO",
        "E-mail (work)": "sarah@work.example",
        "What's new?": "a lot",
        "Größe": "groß",
        "count": 7,
        "vip": True,
        "lapsed": False,
        "blank": " ",
        "none": None,
    },
    "sender_first_name": "Bob",
    "sender_last_name": "Lee",
    "sender_name": "Bob Lee",
    "sender_email": "bob@example.com",
}


# Placeholders


def test_every_name_of_the_table_is_filled() -> None:
    everything = {name: name.upper() for name in NAMES if name != "custom_fields.KEY"}
    text = " ".join(f"%{name}%" for name in everything)
    assert fill(text, everything) == " ".join(everything.values())
    assert fill("%custom_fields.KEY%", {"custom_fields": {"KEY": "k"}}) == "k"
    assert names_used(text) == set(everything)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi %first_name%, hello", "Hi Sarah, hello"),
        ("%first_name%%last_name%", "SarahChen"),
        ("%first_name|there%", "Sarah"),
        ("%first_name | there%", "Sarah"),
        ("Hi %company|there%!", "Hi there!"),
        ("Hi %company | there%!", "Hi there!"),
        ("Hi%company|%!", "Hi!"),
        ("%position|blank%", "blank"),
        ("%headline|spaces%", "spaces"),
        ("%company|O'Neill & Sons%", "O'Neill & Sons"),
        ('%company|the "best"%', 'the "best"'),
        ("""%company|it's "the best"%""", """it's "the best\""""),
        ("%company|a|b%", "a|b"),
        ("%company|back\\slash%", "back\\slash"),
        ("%company|日本%", "日本"),
        ("%company|<b>&amp;%", "<b>&amp;"),
        ("%custom_fields.seats%", "12"),
        ("%custom_fields.Job title%", "CTO"),
        ("%custom_fields.E-mail (work)%", "sarah@work.example"),
        ("%custom_fields.What's new?%", "a lot"),
        ("%custom_fields.Größe%", "groß"),
        ("%custom_fields.count% %custom_fields.vip% %custom_fields.lapsed%", "7 true false"),
        ("%custom_fields.Nothing|none%", "none"),
        ("%custom_fields.blank|none%", "none"),
        ("%custom_fields.none|none%", "none"),
        ("%custom_fields.seats%%custom_fields.seats%", "1212"),
        ("first\r\nsecond %first_name%\r\n\r\nthird\rfourth\n", "first\r\nsecond Sarah\r\n\r\nthird\rfourth\n"),
        ("  %first_name%\n", "  Sarah\n"),
        ("https://x.example/?n=%first_name%&e=%email%", "https://x.example/?n=Sarah&e=sarah@example.com"),
    ],
)
def test_placeholders_are_filled(text: str, filled: str) -> None:
    assert check(text) == []
    assert fill(text, SARAH) == filled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100% sure",
        "50%",
        "5% and 10% off",
        "%",
        "%%",
        "% %",
        "100%%",
        "a % b % c",
        "% first_name %",
        "%first name%",
        "up to 50%, then 20%",
        "50%-60%",
        "5%2%",
        "10%|20%",
        "50%off | 20%",
        "https://x.example/caf%C3%A9s%C3%A9?q=%E2%80%93",
        "https://x.example/%c3%a9t%c3%a9/%D7%A9a%20b",
        "https://x.example/a%20b%2Fc",
        "{ x } } {",
        "100%name",
        "\\%x",
        "[%] (%)",
    ],
)
def test_a_percent_sign_that_begins_no_placeholder_stays(text: str) -> None:
    assert check(text) == []
    assert fill(text, {}) == text
    assert names_used(text) == set()
    assert fill(text + " %email%", SARAH) == text + " sarah@example.com"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%foo%", "unknown placeholder %foo%"),
        ("%foo|bar%", "unknown placeholder %foo%"),
        ("a\nb %foo%", "unknown placeholder %foo% on line 2"),
        ("%first_nam%", "unknown placeholder %first_nam%: did you mean %first_name%?"),
        ("%First_Name%", "unknown placeholder %First_Name%: did you mean %first_name%?"),
        ("%firstname%", "unknown placeholder %firstname%: did you mean %first_name%?"),
        ("%größe%", "unknown placeholder %größe%"),
        ("%名前%", "unknown placeholder %名前%"),
        ("%date%", "unknown placeholder %date%"),
        ("%de%", "unknown placeholder %de%"),
        ("%first_name.size%", "unknown placeholder %first_name.size%: did you mean %first_name%?"),
        ("%custom_fields%", "unknown placeholder %custom_fields%: it needs a key, %custom_fields.KEY%"),
        ("%custom_fields. %", "unknown placeholder %custom_fields. %"),
        ("%now%", "unknown placeholder %now%"),
        ("Hi %first_name, hello", "the placeholder %first_name is not closed with %"),
        ("Hi %first_name|there, hello", "the placeholder %first_name is not closed with %"),
        ("Hi %first_name|a\nb%", "the placeholder %first_name is not closed with % on line 1"),
        ("%company|{{ name }}%", "the placeholder %company is not closed with %"),
        ("%custom_fields.a", "the placeholder %custom_fields is not closed with %"),
    ],
)
def test_a_placeholder_that_is_none_of_ours_is_a_problem(text: str, problem: str) -> None:
    assert problem in check(text)
    with pytest.raises(BrokenTemplate) as caught:
        fill(text, SARAH)
    assert caught.value.problems == tuple(check(text))
    assert names_used(text) == set()


def test_every_unknown_placeholder_is_named() -> None:
    assert check("%foo% %first_name%\n%bar%") == [
        "unknown placeholder %foo% on line 1",
        "unknown placeholder %bar% on line 2",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hi %company%", "company"),
        ("Hi %position%", "position"),
        ("Hi %headline%", "headline"),
        ("Hi {{ company }}", "company"),
        ("%custom_fields.Nothing%", "custom_fields.Nothing"),
        ("{{ custom_fields['No such'] | upcase }}", "custom_fields.No such"),
        ("{{ custom_fields.size }}", "custom_fields.size"),
        ("{{ custom_fields.first }}", "custom_fields.first"),
        ("{{ company | append: '!' }}", "company"),
        ("{{ first_name | append: company }}", "company"),
        ("{{ company | default: position }}", "position"),
        ("{% assign firm = company %}{{ firm }}", "company"),
        ("{% capture firm %}{{ company }}{% endcapture %}x", "company"),
        ("{% if first_name == 'Ann' %}{% assign x = 'y' %}{% endif %}{{ x }}", "x"),
        ("{% if company %}{% assign now = 'x' %}{% endif %}{{ now }}", "now"),
        ("{% if company %}{% assign today = 'x' %}{% endif %}{{ today }}", "today"),
    ],
)
def test_a_value_that_a_person_lacks_holds_the_text_back_by_name(text: str, name: str) -> None:
    assert check(text) == []
    with pytest.raises(MissingValue) as caught:
        fill(text, SARAH)
    assert caught.value.name == name
    assert str(caught.value) == f"no value for {name}, and no fallback"


def test_values_that_are_not_there_at_all_are_missing_too() -> None:
    for values in ({}, {"custom_fields": None}, {"custom_fields": "text"}):
        with pytest.raises(MissingValue):
            fill("%custom_fields.x%", values)


# Liquid


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ first_name }}", "Sarah"),
        ("{{first_name}}", "Sarah"),
        ("a {{- first_name -}} b", "aSarahb"),
        ('{{ company | default: "there" }}', "there"),
        ("{{ company | upcase | default: 'there' }}", "there"),
        ("{{ company | default: last_name }}", "Chen"),
        ("{% if company %}at {{ company }}{% else %}Hi{% endif %}", "Hi"),
        ("{%if first_name%}%first_name%{%endif%}", "Sarah"),
        ("{% if position %}x{% elsif last_name %}%last_name%{% endif %}", "Chen"),
        ("{% unless company %}no firm{% endunless %}", "no firm"),
        ("{% if company == blank %}x{% endif %}", "x"),
        ("{% if company == empty %}x{% endif %}", "x"),
        ("{% if company == nil %}x{% endif %}", "x"),
        ("{% if headline != blank %}x{% else %}y{% endif %}", "y"),
        ("{% if first_name != blank %}x{% endif %}", "x"),
        ("{% if company == 'Acme' %}x{% else %}y{% endif %}", "y"),
        ("{% if company contains 'Acme' %}x{% else %}y{% endif %}", "y"),
        ("{% if company > 5 or company < 5 or company >= 5 %}x{% else %}y{% endif %}", "y"),
        ("{% if email contains '@example' and first_name == 'Sarah' %}x{% endif %}", "x"),
        ("{% if custom_fields.plan == 'pro' %}x{% endif %}", "x"),
        ("{% if custom_fields['Job title'] == \"CTO\" %}x{% endif %}", "x"),
        ("{% if custom_fields.vip %}x{% endif %}{% if custom_fields.lapsed %}y{% endif %}", "x"),
        ("{% if custom_fields.seats > 10 %}x{% endif %}", "x"),
        ("{% if custom_fields.seats >= 13 %}x{% else %}y{% endif %}", "y"),
        ("{% if custom_fields.seats == 12 and custom_fields.seats == '12' %}x{% endif %}", "x"),
        ("{% if custom_fields.count <= 7 %}x{% endif %}", "x"),
        ("{% case custom_fields.plan %}{% when 'free' %}a{% when 'pro', 'pro' %}b{% endcase %}", "b"),
        ("{% case company %}{% when 'x' %}a{% else %}b{% endcase %}", "b"),
        ("{% assign who = first_name | upcase %}{{ who }}", "SARAH"),
        ("{% assign partial = first_name %}{{ partial }}", "Sarah"),
        ("{% capture who %}%first_name% %last_name%{% endcapture %}{{ who }}", "Sarah Chen"),
        ("a{% comment %}b %email% {{ name }}{% endcomment %}c", "ac"),
        ("{% comment %}{% if company %}{% endcomment %}c", "c"),
        ("{{ '{{' }} {{ '%first_name%' }}", "{{ %first_name%"),
        ("{{ 'x' }}%", "x%"),
        ("100{{ '%' }}", "100%"),
    ],
)
def test_liquid_may_be_written_too(text: str, filled: str) -> None:
    assert check(text) == []
    assert fill(text, SARAH) == filled


@pytest.mark.parametrize(
    ("expression", "filled"),
    [
        ("first_name | upcase", "SARAH"),
        ("first_name | downcase", "sarah"),
        ("'ann lee' | capitalize", "Ann lee"),
        ("' x ' | strip", "x"),
        ("' x ' | lstrip", "x "),
        ("' x ' | rstrip", " x"),
        ("' a   b ' | squish", "a b"),
        ("first_name | append: '!'", "Sarah!"),
        ("first_name | prepend: 'Dr '", "Dr Sarah"),
        ("first_name | remove: 'a'", "Srh"),
        ("first_name | replace: 'a', 'o'", "Soroh"),
        ("first_name | replace: 'a'", "Srh"),
        ("email | truncate: 8", "sarah..."),
        ("email | truncate: 8, ''", "sarah@ex"),
        ("email | truncate", "sarah@example.com"),
        ("email | truncate: 'many'", "sarah@example.com"),
        ("name | truncatewords: 1", "Sarah..."),
        ("name | truncatewords: 2", "Sarah Chen"),
        ("first_name | slice: 0", "S"),
        ("first_name | slice: -2, 2", "ah"),
        ("first_name | slice: -9, 2", "Sa"),
        ("first_name | slice: 9", ""),
        ("name | split: ' ' | last", "Chen"),
        ("email | split: '@' | first", "sarah"),
        ("'' | split: '-' | first", ""),
        ("'abc' | split: ''", "abc"),
        ("first_name | first", "S"),
        ("first_name | size", "5"),
        ("name | split: ' ' | size", "2"),
        ("'a b&c/ü' | url_encode", "a%20b%26c%2F%C3%BC"),
        ("custom_fields.count | append: 'x'", "7x"),
        ("custom_fields.vip | append: 'x'", "truex"),
        ("nil | append: 'x'", "x"),
        ("custom_fields.lapsed | default: 'x'", "x"),
        ("0 | default: 'x'", "0"),
        ("'' | default: 'x'", "x"),
    ],
)
def test_filters_do_what_their_names_say(expression: str, filled: str) -> None:
    assert check("{{ " + expression + " }}") == []
    assert fill("{{ " + expression + " }}", SARAH) == filled


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ foo }}", "unknown name foo on line 1"),
        ("a\n\n{{ foo }}", "unknown name foo on line 3"),
        ("{{ first_name.size }}", "unknown name first_name.size on line 1"),
        ("{{ first_name[0] }}", "unknown name first_name.0 on line 1"),
        ("{{ first_name | append: foo }}", "unknown name foo on line 1"),
        ("{{ first_name | default: foo }}", "unknown name foo on line 1"),
        ("{% if foo %}{% endif %}", "unknown name foo on line 1"),
        ("{% if first_name and foo == 'x' %}{% endif %}", "unknown name foo on line 1"),
        ("{% if first_name == foo %}{% endif %}", "unknown name foo on line 1"),
        ("{% if email contains foo %}{% endif %}", "unknown name foo on line 1"),
        ("{% if email %}{% elsif foo %}{% endif %}", "unknown name foo on line 1"),
        ("{% if email %}{% else %}{{ foo }}{% endif %}", "unknown name foo on line 1"),
        ("{% unless foo %}{% endunless %}", "unknown name foo on line 1"),
        ("{% unless email %}{{ foo }}{% endunless %}", "unknown name foo on line 1"),
        ("{% case foo %}{% when 'x' %}{% endcase %}", "unknown name foo on line 1"),
        ("{% case email %}{% when foo %}{% endcase %}", "unknown name foo on line 1"),
        ("{% case email %}{% when 'x' %}{{ foo }}{% endcase %}", "unknown name foo on line 1"),
        ("{% case email %}{% when 'x' %}{% else %}{{ foo }}{% endcase %}", "unknown name foo on line 1"),
        ("{% assign x = foo %}", "unknown name foo on line 1"),
        ("{% capture x %}{{ foo }}{% endcapture %}", "unknown name foo on line 1"),
        ("{{ custom_fields }}", "custom_fields needs a key: custom_fields.KEY on line 1"),
        ("{{ custom_fields.a.b }}", "unknown name custom_fields.a.b on line 1"),
        ("{{ custom_fields[0] }}", "unknown name custom_fields.0 on line 1"),
        ("{{ custom_fields[email] }}", "unknown name custom_fields.email on line 1"),
        ("{{ [email] }}", "unknown name email on line 1"),
        ("{{ now }}", "unknown name now on line 1"),
        ("{{ today }}", "unknown name today on line 1"),
        ("{{ forloop }}", "unknown name forloop on line 1"),
        ("{{ partial }}", "unknown name partial on line 1"),
        ("{{ first_name.__class__ }}", "unknown name first_name.__class__ on line 1"),
        ("{{ __builtins__ }}", "unknown name __builtins__ on line 1"),
        ("{{ first_name | shout }}", "unknown filter shout on line 1"),
        ("{{ first_name | date: '%Y' }}", "unknown filter date on line 1"),
        ("{{ first_name | join: first_name }}", "unknown filter join on line 1"),
        ("{{ first_name | upcase: 1 }}", "wrong number of arguments for the filter upcase on line 1"),
        ("{{ first_name | append }}", "wrong number of arguments for the filter append on line 1"),
        ("{{ email | default: '', allow_false: true }}", "the filter default takes no named arguments on line 1"),
        ("{{ (1..9) }}", "ranges are not supported on line 1"),
        ("{% if (1..999999999999) contains 'x' %}{% endif %}", "ranges are not supported on line 1"),
        ("{{ first_name", "{{ is not closed with }}"),
        ("a\n{{ first_name }\nb", "{{ is not closed with }} on line 2"),
        ("{% if first_name", "{% is not closed with %}"),
        ("{% if first_name %}x", "{% if %} is not closed with {% endif %}"),
        ("a\n{% if email %}{% unless email %}{% endif %}", "unexpected tag 'endif'"),
        ("{% endif %}", "unexpected tag 'endif'"),
        ("{% else %}", "unexpected tag 'else'"),
        ("{{ }}", "broken template on line 1: "),
        ("a\n{% if %}{% endif %}", "broken template on line 2: "),
        ("a\n{{ first_name | }}", "broken template on line 2: "),
        ("{{ first_name last_name }}", "broken template on line 1: "),
        ("{{ 'x }}", "broken template on line 1: "),
        ("{% assign x %}", "broken template on line 1: "),
        ("{{%first_name%}}", "broken template on line 1: unexpected '%'"),
        ("{%first_name%}", "unknown tag {% first_name %}"),
        ("{% %}", "unknown tag {%  %}"),
        ("{% for x in (1..9) %}{% endfor %}", "unknown tag {% for %}"),
        ("{% tablerow x in (1..9) %}{% endtablerow %}", "unknown tag {% tablerow %}"),
        ("{% include 'x' %}", "unknown tag {% include %}"),
        ("{% render 'x' %}", "unknown tag {% render %}"),
        ("{% raw %}{{ x }}{% endraw %}", "unknown tag {% raw %}"),
        ("{%- raw -%}{{ x }}{% endraw %}", "unknown tag {% raw %}"),
        ("{% doc %}{% enddoc %}", "unknown tag {% doc %}"),
        ("{% liquid echo email %}", "unknown tag {% liquid %}"),
        ("{% cycle 'a', 'b' %}", "unknown tag {% cycle %}"),
        ("{% increment x %}", "unknown tag {% increment %}"),
        ("{% # note %}", "unknown tag {% # %}"),
        ("{{ " + "x" * 1_000 + " }}", "what stands in braces has at most 1000 characters"),
        ("x" * (MOST_SOURCE + 1), f"a text with placeholders has at most {MOST_SOURCE} characters"),
    ],
)
def test_broken_liquid_and_whatever_reaches_further_is_a_problem(text: str, problem: str) -> None:
    problems = check(text)
    assert any(problem in found for found in problems), problems
    assert all(len(found) < 300 for found in problems)
    with pytest.raises(BrokenTemplate):
        fill(text, SARAH)


@pytest.mark.parametrize(
    "condition",
    [
        "custom_fields.plan > 10",
        "custom_fields.plan < 10",
        "custom_fields.plan >= 10",
        "10 > custom_fields.plan",
        "custom_fields.vip > 10",
        "custom_fields.seats > 'many'",
        "custom_fields.count contains 'x'",
        "custom_fields.vip contains 'x'",
        "custom_fields.plan > blank",
    ],
)
def test_a_comparison_that_makes_no_sense_for_a_person_is_false(condition: str) -> None:
    text = f"{{% if {condition} %}}x{{% else %}}y{{% endif %}}"
    assert check(text) == []
    assert fill(text, SARAH) == "y"


def test_names_in_conditions_and_fallbacks_are_names_used() -> None:
    text = "{% if company %}%company|x%{% endif %} {{ email | default: last_name }} %custom_fields.Job title%"
    assert names_used(text) == {"company", "email", "last_name", "custom_fields.Job title"}
    assert names_used("{% assign who = first_name %}{{ who }}") == {"first_name"}


# Values are data


HOSTILE = [
    "%email%",
    "%first_name|x%",
    "{{ email }}",
    "{% if true %}x{% endif %}",
    "{{",
    "%}",
    "{% raw %}",
    "<script>alert('x')</script> & \"quotes\"",
    "a\r\nb\rc\nd",
    "\\n \\' \x00 \x1b",
    "日本語 é é 👩‍💻 עברית",
    "'\"}}{{\"'",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_goes_out_as_it_is_and_is_never_read_as_a_template(value: str) -> None:
    values = {**SARAH, "company": value, "custom_fields": {"x": value}}
    assert fill("[%company%]", values) == f"[{value}]"
    assert fill("[{{ company }}]", values) == f"[{value}]"
    assert fill("[%custom_fields.x%]", values) == f"[{value}]"
    assert fill("[%company|fallback%]", values) == f"[{value}]"
    assert fill("[{% assign x = company %}{{ x }}{% capture y %}{{ x }}{% endcapture %}{{ y }}]", values) == (
        f"[{value}{value}]"
    )


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip()))
def test_any_text_can_be_a_value(value: str) -> None:
    assert fill("<%name%|{{ name }}|%name|x%>", {"name": value}) == f"<{value}|{value}|{value}>"


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("%{}|'\"._- \nabfirst_namecustom_fields0é"), max_size=60))
def test_whatever_is_written_is_filled_or_refused_in_words(text: str) -> None:
    values = {**SARAH, "custom_fields": {"a": "b"}}
    problems = check(text)
    if problems:
        with pytest.raises(BrokenTemplate):
            fill(text, values)
        return
    try:
        filled = fill(text, values)
    except MissingValue as missing:
        filled = missing.name
    assert isinstance(filled, str)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="%{}", exclude_categories=["Cs"]), max_size=200))
def test_text_without_percents_and_braces_is_never_touched(text: str) -> None:
    assert check(text) == []
    assert fill(text, {}) == text
    assert fill(text + "%email%", SARAH) == text + "sarah@example.com"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=110))
def test_a_column_that_is_a_key_can_be_named(key: str) -> None:
    text = f"%custom_fields.{key}%"
    if is_key(key):
        assert fill(text, {"custom_fields": {key: "value"}}) == "value"
        assert names_used(text) == {f"custom_fields.{key}"}


@pytest.mark.parametrize("key", ["Job title", "größe", "名前", "a.b", "E-mail (work)", "What's new?", "x" * 100])
def test_columns_of_real_files_are_keys(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", " ", " x", "x ", "100%", "a|b", "a{b", 'a"b', "a\nb", "a\\b", "x" * 101])
def test_columns_that_would_break_a_placeholder_are_not_keys(key: str) -> None:
    assert not is_key(key)


def test_half_a_character_in_a_value_is_said_and_not_sent() -> None:
    with pytest.raises(BrokenTemplate, match="half a character"):
        fill("%name%", {"name": "\ud83d"})


def test_nothing_else_of_the_values_can_be_reached() -> None:
    for name in ("password", "id", "custom_fields"):
        assert check(f"{{{{ {name} }}}}") != []


# Subjects


@pytest.mark.parametrize(
    ("text", "company", "subject"),
    [
        ("Hi %company%", "Acme\r\nBcc: all@example.com", "Hi Acme Bcc: all@example.com"),
        ("Hi %company%", "a\nb\u2028c\u2029d\x85e\x0bf\x0cg\x1ch", "Hi a b c d e f g h"),
        ("Hi %company%", "a\x00b\x1b[0m", "Hi a b [0m"),
        ("  Hi    %company%  ", " Acme ", "Hi Acme"),
        ("Hi %company% !", "Acme", "Hi Acme !"),
        ("{% if first_name %}\nHi\n{% endif %}", "x", "Hi"),
    ],
)
def test_a_subject_is_one_line_whatever_the_values_hold(text: str, company: str, subject: str) -> None:
    filled = fill_subject(text, {"company": company, "first_name": "x"})
    assert filled == subject
    assert len(filled.splitlines()) == 1


def test_a_subject_lacks_values_as_a_body_does() -> None:
    with pytest.raises(MissingValue):
        fill_subject("%company%", SARAH)


# Limits


def deep(depth: int) -> str:
    return "{% if email %}" * depth + "x" + "{% endif %}" * depth


BOMBS = {
    "doubling": "{% assign x = 'ab' %}" + "{% assign x = x | append: x %}" * 300 + "{{ x }}",
    "squaring": "{% assign x = 'a' %}" + "{% assign x = x | append: x %}" * 13 + "{{ x | replace: 'a', x | size }}",
    "captures": "{% assign x = 'ab' %}" + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 300,
    "output": "{% assign x = 'a' %}" + "{% assign x = x | append: x %}" * 14 + "{{ x }}" * 1000,
    "names": "{% assign x = 'a' %}"
    + "{% assign x = x | append: x %}" * 13
    + "".join(f"{{% assign x{number} = x | append: '' %}}" for number in range(300)),
    "nesting": deep(MOST_NESTING + 1),
    "deep nesting": deep(700),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_template_that_grows_without_end_is_stopped(bomb: str) -> None:
    assert check("warm") == []
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(BrokenTemplate):
        fill(BOMBS[bomb], SARAH)
    taken = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 5
    assert peak < 20_000_000


@pytest.mark.parametrize("bomb", ["doubling", "squaring"])
def test_a_text_that_grows_too_long_on_the_way_is_said_so(bomb: str) -> None:
    assert check(BOMBS[bomb]) == ["makes a text of more than 20000 characters"]


def test_a_text_that_grows_too_long_for_one_person_only_holds_back_that_person() -> None:
    text = "{% assign x = company %}" + "{% assign x = x | append: x %}" * 10 + "{{ x | size }}"
    assert check(text) == []
    assert fill(text, {"company": "a" * 10}) == "10240"
    with pytest.raises(BrokenTemplate, match="a text of more than 20000 characters"):
        fill(text, {"company": "a" * 20})


SLOW = {
    "cases": "{% case email %}{% when email" + ", email" * 100 + " %}x{% endcase %}",
    "spaces": "{{" + " " * 990 + "}}",
    "open braces": "{{ " * 6_000,
    "open raws": "{% raw %}" * 2_000,
    "percents": "%" * 20_000,
    "almost placeholders": "%first_name|" * 1_600,
    "almost names": "%a.b-c" * 3_000,
    "one long name": "%" + "a" * 19_000,
    "one long fallback": "%first_name|" + "a" * 19_000,
    "encoded": "%C3" * 6_000,
    "ands": "{% if email " + "and email " * 95 + "%}x{% endif %}",
    "brackets": "{{ " + "a[" * 480 + " }}",
    "filters": "{{ email" + " | squish" * 100 + " }}",
    "split": "{% assign x = 'ab' %}"
    + "{% assign x = x | append: x %}" * 13
    + "{{ x | split: '' | append: '' | split: '' | size }}" * 300,
    "quotes": "{{ " + "'\"" * 490 + " }}",
    "lines": "\n" * 19_000 + "%foo%",
}


@pytest.mark.parametrize("name", SLOW)
def test_no_text_takes_long(name: str) -> None:
    began = time.perf_counter()
    problems = check(SLOW[name])
    if not problems:
        fill(SLOW[name], SARAH)
    assert time.perf_counter() - began < 3


def test_nested_cases_write_each_match_once() -> None:
    when = "{% case email %}{% when email, email, email, email, email, email, email, email %}"
    text = when * MOST_NESTING + "x" + "{% endcase %}" * MOST_NESTING
    assert fill(text, SARAH) == "x"


def test_nesting_up_to_the_limit_is_fine() -> None:
    assert fill(deep(MOST_NESTING), SARAH) == "x"


def test_a_text_of_the_greatest_length_is_fine() -> None:
    text = "x" * (MOST_SOURCE - 7) + "%email%"
    assert fill(text, SARAH) == "x" * (MOST_SOURCE - 7) + "sarah@example.com"


def test_a_filter_is_never_run_with_more_than_it_can_hold() -> None:
    long = "ü" * 15_000
    for name in FILTERS:
        for arguments in ("", ": email", ": email, email", ": 'x'", ": 99999999999999999999, -5"):
            text = f"{{{{ company | {name}{arguments} }}}}"
            if not check(text):
                try:
                    fill(text, {**SARAH, "company": long})
                except BrokenTemplate as broken:
                    assert "20000 characters" in str(broken)  # noqa: PT017


def test_ten_thousand_mails_are_filled_in_the_time_of_a_breath() -> None:
    text = "Hi %first_name|there%,\n" + "Lorem ipsum. " * 60 + "{% if company %}%company%{% endif %} %sender_name%"
    began = time.perf_counter()
    for _ in range(10_000):
        fill(text, SARAH)
    assert time.perf_counter() - began < 5

"""Liquid, cut down to what a message needs: conditions, assignments and filters for texts.

A template comes from anybody with a login, so it must be able to neither reach nor cost more than its text
deserves. There are no loops, since there is nothing to loop over; no ranges, no includes, no dates. What is
left ends after one pass over the source, and every text it makes has a greatest length.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any, TextIO
from urllib.parse import quote

from liquid import BoundTemplate, Environment, Node, RenderContext, Token
from liquid.builtin.content import Literal
from liquid.builtin.expressions import FilteredExpression, KeywordArgument, Path
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import ContainsExpression, GtExpression, LtExpression
from liquid.builtin.expressions.primitive import Blank, Empty, RangeLiteral
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output
from liquid.builtin.tags.assign_tag import AssignTag
from liquid.builtin.tags.capture_tag import CaptureTag
from liquid.builtin.tags.case_tag import CaseTag, MultiExpressionBlockNode
from liquid.builtin.tags.comment_tag import CommentTag
from liquid.builtin.tags.if_tag import IfTag
from liquid.builtin.tags.unless_tag import UnlessTag
from liquid.exceptions import LiquidError, LiquidTypeError
from liquid.expression import Expression
from liquid.output import LimitedStringIO

TAGS = (
    *("if", "elsif", "else", "endif", "unless", "endunless", "case", "when", "endcase"),
    *("assign", "capture", "endcapture", "comment", "endcomment"),
)
MOST_TEXT = 20_000  # characters of any text that is made on the way
MOST_OUTPUT = 200_000  # bytes
MOST_LOCALS = 200_000  # bytes
MOST_NESTING = 10

# What may follow a name: nothing, or a key of this one.
KEYED = "custom_fields"

_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")


class MissingValue(Exception):
    """A text needs a value, called `name`, that the person does not have, and gives no fallback for it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no value for {name}, and no fallback")
        self.name = name


class BrokenTemplate(Exception):
    """A text that cannot be filled for anybody, or not with these values. `problems` says why, in words."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


# Values


class Missing:
    """The value of a name that a person has no value for: false in a condition, an error in the text."""

    __slots__ = ("name",)

    def __init__(self, name: str, **_details: object) -> None:
        self.name = name

    def __liquid__(self) -> None:
        """What comparisons see."""

    def __str__(self) -> str:
        raise MissingValue(self.name)


class _NumericText(str):
    """A text such as "12": CSV files know no numbers, and `seats > 10` should work all the same."""

    __slots__ = ()

    def __liquid__(self) -> "_Number":
        return _Number(self)


class _Number(float):
    """What comparisons see of such a text: a number, and beside a text the text."""

    text: str

    def __new__(cls, text: str) -> "_Number":
        number = super().__new__(cls, text)
        number.text = str(text)
        return number

    def __eq__(self, other: object) -> bool:
        return self.text == other if isinstance(other, str) else float.__eq__(self, other)

    __hash__ = float.__hash__


def present(name: str, value: object) -> object:
    """`value` as a template may see it: texts, numbers and flags; Missing for nothing or blanks."""
    if isinstance(value, bool | int | float):
        return value
    text = "" if value is None else str(value)
    if not text or text.isspace():
        return Missing(name)
    return _NumericText(text) if _NUMBER.fullmatch(text) else text


class Keyed(Mapping[str, object]):
    """Values by key, Missing for any other key."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values_by_key = values

    def __getitem__(self, key: str) -> object:
        return present(f"{KEYED}.{key}", self.values_by_key.get(key))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


# Filters


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return "".join(map(_text, value)) if isinstance(value, list) else str(value)


def _number(value: object, otherwise: int) -> int:
    """A whole number of up to six digits, `otherwise` for anything else: filters do not fail on numbers."""
    found = re.fullmatch(r"-?[0-9]{1,6}", _text(value))
    return int(found[0]) if found else otherwise


def _default(value: object, fallback: object) -> object:
    nothing = value is None or value is False or isinstance(value, Missing) or value == []
    return fallback if nothing or (isinstance(value, str) and not value.strip()) else value


def _replace(value: object, old: object, new: object = "") -> str:
    text, piece, other = _text(value), _text(old), _text(new)
    if len(text) + text.count(piece) * len(other) > MOST_TEXT:
        raise _too_long()
    return text.replace(piece, other)


def _truncate(value: object, most: object = 50, end: object = "...") -> str:
    text, length, tail = _text(value), _number(most, 50), _text(end)
    return text if len(text) <= length else text[: max(length - len(tail), 0)] + tail


def _truncatewords(value: object, most: object = 15, end: object = "...") -> str:
    words, count = _text(value).split(), max(_number(most, 15), 1)
    return _text(value) if len(words) <= count else " ".join(words[:count]) + _text(end)


def _slice(value: object, start: object, length: object = 1) -> str:
    text, begin = _text(value), _number(start, 0)
    begin = max(begin + len(text), 0) if begin < 0 else begin
    return text[begin : begin + max(_number(length, 1), 0)]


def _split(value: object, separator: object) -> list[str]:
    return _text(value).split(_text(separator)) if _text(separator) else list(_text(value))


def _part(value: object, index: int) -> object:
    parts = value if isinstance(value, list) else _text(value)
    return parts[index] if parts else ""


def _size(value: object) -> int:
    return len(value) if isinstance(value, list) else len(_text(value))


FILTERS: Mapping[str, Callable[..., object]] = {
    "default": _default,
    "upcase": lambda value: _text(value).upper(),
    "downcase": lambda value: _text(value).lower(),
    "capitalize": lambda value: _text(value).capitalize(),
    "strip": lambda value: _text(value).strip(),
    "lstrip": lambda value: _text(value).lstrip(),
    "rstrip": lambda value: _text(value).rstrip(),
    "squish": lambda value: " ".join(_text(value).split()),
    "append": lambda value, more: _text(value) + _text(more),
    "prepend": lambda value, more: _text(more) + _text(value),
    "remove": lambda value, piece: _replace(value, piece),
    "replace": _replace,
    "truncate": _truncate,
    "truncatewords": _truncatewords,
    "slice": _slice,
    "split": _split,
    "first": lambda value: _part(value, 0),
    "last": lambda value: _part(value, -1),
    "size": _size,
    "url_encode": lambda value: quote(_text(value), safe=""),
}


def _too_long() -> BrokenTemplate:
    return BrokenTemplate(f"makes a text of more than {MOST_TEXT} characters")


def _guarded(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """A filter that refuses texts that grow too long, and hands a missing value on, perhaps to `default`."""

    def run(value: object, *arguments: object) -> object:
        for given in (value, *arguments):
            if isinstance(given, Missing) and name != "default":
                return given
        result = function(value, *arguments)
        if isinstance(result, str) and len(result) > MOST_TEXT:
            raise _too_long()
        return result

    return run


# Running


class _Context(RenderContext):
    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """For `capture`: what is left of the outer limit."""
        return LimitedStringIO(MOST_OUTPUT - getattr(buf, "size", 0), newline="")


class _Template(BoundTemplate):
    context_class = _Context

    def _get_buffer(self) -> StringIO:
        return LimitedStringIO(MOST_OUTPUT, newline="")  # line breaks go out as they came in

    def make_partial_namespace(self, partial: bool, render_args: Mapping[str, object]) -> Mapping[str, object]:
        """Nothing: the library would add a name `partial`."""
        return {}


class _Environment(Environment):
    block_nesting_limit = MOST_NESTING
    context_depth_limit = MOST_NESTING
    loop_iteration_limit = 1
    local_namespace_limit = MOST_LOCALS
    output_stream_limit = MOST_OUTPUT
    template_class = _Template

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Only what is listed here, in place of all that the library has."""
        for tag in (Literal, Output, Illegal, IfTag, UnlessTag, CaseTag, AssignTag, CaptureTag, CommentTag):
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, _guarded(name, function))

    def error(self, exc: type[LiquidError] | LiquidError, msg: str | None = None, token: Token | None = None) -> None:
        """Raise `exc`, placed at the tag it happened in where it has no place of its own."""
        if isinstance(exc, LiquidError) and token and (not exc.token or exc.token.start_index < 0):
            exc.token = token
        super().error(exc, msg, token)


_UNDEFINED: Any = Missing  # the library only ever calls it, with the name and details
_ENVIRONMENT = _Environment(undefined=_UNDEFINED)

# The library knows these by itself and asks the clock; a variable of that name, never assigned, must not.
_NO_CLOCK = {name: Missing(name) for name in ("now", "today")}


@dataclass(frozen=True)
class Parsed:
    """A template that is fit to run. `names` are those it uses, such as `first_name`, `custom_fields.KEY`."""

    template: BoundTemplate
    names: frozenset[str]

    def render(self, values: Mapping[str, object]) -> str:
        """The text. `values` come from `present`. Raises MissingValue, BrokenTemplate."""
        try:
            return self.template.render({**_NO_CLOCK, **values})
        except LiquidError as error:
            raise BrokenTemplate(_sentence(error)) from error
        except UnicodeEncodeError as error:
            raise BrokenTemplate("a value holds half a character, which cannot be sent") from error


def parse(source: str, known: frozenset[str]) -> Parsed:
    """`source`, checked: known tags, filters and names only. Raises BrokenTemplate with all that is wrong."""
    try:
        template = _ENVIRONMENT.from_string(source)
    except LiquidError as error:
        raise BrokenTemplate(_sentence(error)) from error
    inspection = _Inspection(known)
    inspection.visit(template)
    if inspection.problems:
        raise BrokenTemplate(*inspection.problems)
    return Parsed(template, frozenset(inspection.names))


def line_of(source: str, index: int) -> int:
    """The number of the line, from 1, on which `source[index]` stands."""
    return source.count("\n", 0, index) + 1


def _sentence(error: LiquidError) -> str:
    message = str(error.message)[:200]
    if error.token is None or error.token.start_index < 0:
        return f"broken template: {message}"
    return f"broken template on line {line_of(error.token.source, error.token.start_index)}: {message}"


# Inspecting


class _Nothing(Blank):
    """`blank` and `empty`, equal to a missing value too, so that `{% if company == blank %}` works."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other is None or super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # as in Blank


class _Less(LtExpression):
    """`<`, false between a text and a number: `seats > 10` where somebody wrote "many"."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        """As the library, which has no such doubts about `<=`."""
        return _or_false(super().evaluate, context)


class _Greater(GtExpression):
    """`>`, in the same way."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        """As `_Less`."""
        return _or_false(super().evaluate, context)


class _Contains(ContainsExpression):
    """`contains`, false for a number, in the same way."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        """As `_Less`."""
        return _or_false(super().evaluate, context)


def _or_false(evaluate: Callable[[RenderContext], object], context: RenderContext) -> object:
    try:
        return evaluate(context)
    except LiquidTypeError:
        return False


class _Once(MultiExpressionBlockNode):
    """A `when` written out once, however many of its values match: nested, the library's would multiply."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """-1 where nothing matches, as CaseNode expects."""
        return self.block.render(context, buffer) if any(self.expression.evaluate(context)) else -1


_SWAPS: Mapping[type[Expression], type[Expression]] = {
    Blank: _Nothing,
    Empty: _Nothing,
    LtExpression: _Less,
    GtExpression: _Greater,
    ContainsExpression: _Contains,
}


class _Inspection:
    """One walk over a parsed template: collects names and problems, and swaps in the classes above."""

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known
        self.names: set[str] = set()
        self.problems: list[str] = []

    def visit(self, template: BoundTemplate) -> None:
        context = RenderContext(template)
        nodes: list[Node] = list(template.nodes)
        for node in nodes:  # grows while it runs: the children of each are added at its end
            nodes.extend(node.children(context, include_partials=False))
        local = {str(name) for node in nodes for name in node.template_scope()}
        for node in nodes:
            if type(node) is MultiExpressionBlockNode:
                node.__class__ = _Once
            self._expressions(list(node.expressions()), local)

    def _expressions(self, expressions: list[Expression], local: set[str]) -> None:
        for expression in expressions:  # grows while it runs, too
            if isinstance(expression, Path):
                self._path(expression, local)
                continue
            if swap := _SWAPS.get(type(expression)):
                expression.__class__ = swap
            if isinstance(expression, RangeLiteral):
                self._problem("ranges are not supported", expression)
            if isinstance(expression, FilteredExpression):
                for used in expression.filters or []:
                    self._filter(used, expression)
            expressions.extend(expression.children())

    def _path(self, path: Path, local: set[str]) -> None:
        name = ".".join(map(str, path.path))
        match path.path:
            case [str(root)] if root in self.known:
                self.names.add(name)
            case [str(root), str()] if root == KEYED:
                self.names.add(name)
            case [str(root)] if root in local:
                pass
            case [str(root)] if root == KEYED:
                self._problem(f"{KEYED} needs a key: {KEYED}.KEY", path)
            case _:
                self._problem(f"unknown name {name}", path)

    def _filter(self, used: Filter, where: Expression) -> None:
        function = FILTERS.get(used.name)
        if function is None:
            self._problem(f"unknown filter {used.name}", where)
            return
        if any(isinstance(argument, KeywordArgument) for argument in used.args):
            self._problem(f"the filter {used.name} takes no named arguments", where)
            return
        try:
            inspect.signature(function).bind(None, *used.args)
        except TypeError:
            self._problem(f"wrong number of arguments for the filter {used.name}", where)

    def _problem(self, message: str, expression: Expression) -> None:
        line = line_of(expression.token.source, expression.token.start_index)
        self.problems.append(f"{message} on line {line}")

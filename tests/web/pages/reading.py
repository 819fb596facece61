"""Reading pages as a browser without scripts does: titles, forms with what they would post, ids."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"input", "meta", "link", "br", "hr", "img", "use", "rect"}
# Tags that a browser sets apart from what stands before them.
APART = {"br", "td", "th", "li", "p", "div", "dt", "dd", "option", "h1", "h2", "label", "output", "summary", "section"}
Pairs = list[tuple[str, str]]


@dataclass
class Button:
    """A submit button."""

    name: str
    value: str
    text: str = ""


@dataclass
class Form:
    """A form and what it would post as it stands."""

    id: str
    action: str
    method: str
    fields: Pairs = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    # Every input that a browser could post, a box that is not ticked included.
    inputs: set[str] = field(default_factory=set)

    def value(self, name: str) -> str | None:
        """The first value of a field."""
        return next((value for key, value in self.fields if key == name), None)

    def values(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for key, value in self.fields if key == name]


class Page(HTMLParser):
    """One answer. `wrong` are things that no page of ours may have."""

    def __init__(self, html: str, status: int = 200) -> None:
        super().__init__()
        self.html, self.status = html, status
        self.title = ""
        self.text = ""
        self.forms: list[Form] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.root: dict[str, str] | None = None
        self.wrong: list[str] = []
        self._stack: list[str] = []
        self._form: Form | None = None
        self._textarea: str | None = None
        self._select: tuple[str, Pairs] | None = None
        self.feed(html)
        self.close()

    def form(self, action: str) -> Form:
        """The form that posts to an address ending so."""
        return next(form for form in self.forms if form.action.partition("?")[0].endswith(action))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if tag in APART:
            self.text += " "
        if self.root is None:
            self.root = {"tag": tag, **own}
        if tag not in VOID:
            self._stack.append(tag)
        self._note_wrong(tag, own)
        if "id" in own:
            self.ids.append(own["id"])
        if tag == "a" and "href" in own:
            self.links.append(own["href"])
        if tag == "form":
            self._form = Form(own.get("id", ""), own.get("action", ""), own.get("method", ""))
            self.forms.append(self._form)
        if self._form is not None:
            self._control(tag, own)

    def _note_wrong(self, tag: str, own: dict[str, str]) -> None:
        if tag == "style" or "style" in own or any(name.startswith("on") for name in own):
            self.wrong.append(f"inline style or script on {tag}")
        if tag == "script" and "src" not in own:
            self.wrong.append("inline script")

    def _control(self, tag: str, own: dict[str, str]) -> None:
        assert self._form is not None
        name = own.get("name", "")
        if tag == "button":
            self._form.buttons.append(Button(name, own.get("value", "")))
        elif tag == "input" and name:
            self._form.inputs.add(name)
            if own.get("type") not in ("checkbox", "radio", "file"):
                self._form.fields.append((name, own.get("value", "")))
            elif "checked" in own:
                self._form.fields.append((name, own.get("value", "on")))
        elif tag == "textarea":
            self._form.inputs.add(name)
            self._textarea = name
            self._form.fields.append((name, ""))
        elif tag == "select":
            self._form.inputs.add(name)
            self._select = (name, [])
        elif tag == "option" and self._select is not None:
            chosen = "selected" if "selected" in own else ""
            self._select[1].append((own.get("value", ""), chosen))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._textarea = None
        if tag == "select" and self._select is not None and self._form is not None:
            name, options = self._select
            chosen = next((value for value, mark in options if mark), options[0][0] if options else "")
            self._form.fields.append((name, chosen))
            self._select = None
        while self._stack and tag not in VOID:
            if self._stack.pop() == tag:
                break

    def handle_data(self, data: str) -> None:
        if self._textarea is not None and self._form is not None:
            name, before = self._form.fields[-1]
            text = data[1:] if not before and data.startswith("\n") else data
            self._form.fields[-1] = (name, before + text)
        if "title" in self._stack and "svg" not in self._stack:
            self.title += data
        elif "script" not in self._stack:
            self.text += data
        if "button" in self._stack and self._form is not None and self._form.buttons:
            self._form.buttons[-1].text += data.strip()


def squeezed(text: str) -> str:
    """Text with its white space as a browser shows it."""
    return " ".join(text.split())

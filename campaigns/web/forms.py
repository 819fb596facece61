"""Forms: what a browser posts, as the raw values that verbs read; and what verbs said of it, beside the fields.

The settings of a campaign are grown from THE TABLE (rules/fields.py); validating is for the verbs alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, PasswordField, RadioField, SelectField, StringField, TextAreaField

from campaigns.admitting import LEAST_PASSWORD
from campaigns.models.campaign import Campaign
from campaigns.models.sender import WEEKLY_LIMITS
from campaigns.rules import kinds
from campaigns.rules.fields import FIELDS, Field, locked_because
from campaigns.rules.hosts import GOOGLE, HOSTS, MICROSOFT, Place
from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from campaigns.rules.oauth import PASSWORD
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Refused
from campaigns.rules.seats import ASSISTED, DEFAULT_INVITATION_DAYS, NOTE_LIMITS, UNIPILE
from campaigns.web.week import read_week

Posted = MultiDict[str, str]
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")


def sentence(message: str) -> str:
    """A problem's words as they stand beside its field."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?", "!")) else ".")


def as_number(text: str | None) -> int | str | None:
    """What was typed as a number where it is one; None for nothing; else the text, for the verb to refuse."""
    text = (text or "").strip()
    return int(text) if _WHOLE.fullmatch(text) else text or None


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose values a verb checks. `aliases` has our name of a field that the verb calls otherwise."""

    aliases: Mapping[str, str] = {}

    def tell(self, refusal: Refused) -> str | None:
        """Put each problem beside its field; one sentence about all that has none here, or None."""
        homeless = [problem for problem in refusal.problems if not self._place(problem)]
        if refusal.problems and not homeless:
            return None
        return refusal.message

    def _place(self, problem: Problem) -> bool:
        name = self.aliases.get(problem.field, problem.field)
        if name not in self:
            return False
        self[name].errors = [*self[name].errors, sentence(problem.message)]
        return True


SMTP = {"smtp": "An SMTP server"}
TRANSPORTS = {"trap": "Local mail trap", **SMTP}
PRESETS = {"": "Go by the address", **{host.key: host.name for host in HOSTS}}
SIGN_INS = {PASSWORD: "A password", GOOGLE: "Sign in with Google", MICROSOFT: "Sign in with Microsoft"}
PROVIDERS = {
    ASSISTED: "Assisted: each step becomes a task when it is due, and one of you does it at LinkedIn",
    UNIPILE: "Through Unipile: Cadenza does it over the API of unipile.com, with your own account and key there",
}
SECURITIES = {"starttls": "STARTTLS", "tls": "TLS", "none": "None"}


class WelcomeForm(Form):
    """The first visit."""

    email = StringField("Email")
    password = PasswordField("Password", description=f"At least {LEAST_PASSWORD} characters.")
    timezone = StringField("Time zone")


class SignInForm(Form):
    """Coming in."""

    email = StringField("Email")
    password = PasswordField("Password")


class KeyForm(Form):
    """A new API key."""

    name = StringField("Name")


class SuppressionForm(Form):
    """Whom nobody is to write to any more."""

    entries = TextAreaField("Addresses, domains or profiles")
    reason = StringField("Reason")


class AddressForm(Form):
    """Whose data."""

    address = StringField("Address")


class NewCampaignForm(Form):
    """A new draft; the senders are drawn by the template."""

    name = StringField("Name")
    type = RadioField("Kind", choices={EMAIL: "Email", LINKEDIN: "LinkedIn"}, default=EMAIL)


class TemplateForm(Form):
    """What a template is called."""

    name = StringField("Name")


class PersonForm(Form):
    """What is known of a person, custom fields aside."""

    email = StringField("Email")
    linkedin_url = StringField("LinkedIn address")
    first_name = StringField("First name")
    last_name = StringField("Last name")
    company = StringField("Company")
    position = StringField("Position")
    headline = StringField("Headline")
    timezone = StringField("Time zone")

    def body(self) -> dict[str, Any]:
        """The form as the verb's body: nothing typed is nothing known."""
        return {field.name: field.data or None for field in self if field.name != "csrf_token"}


class SenderForm(Form):
    """A mailbox. A trap is offered where one runs."""

    aliases = {
        "smtp": "smtp_host",
        "uses_trap": "transport",
        **{
            f"{kind}.{name}": f"{kind}_{name}"
            for kind in ("smtp", "imap")
            for name in ("host", "port", "security", "username", "password")
        },
        "oauth": "oauth_client_id",
        **{f"oauth.{name}": f"oauth_{name}" for name in ("client_id", "client_secret", "tenant")},
    }
    email_address = StringField("Email address")
    display_name = StringField("Display name")
    first_name = StringField("First name")
    last_name = StringField("Last name")
    reply_to = StringField("Answers to")
    signature = TextAreaField("Signature")
    transport = RadioField("Where it is handed over", choices=TRANSPORTS)
    preset = SelectField("Mail host", choices=PRESETS)
    smtp_host = StringField("Server")
    smtp_port = StringField("Port", default="587")
    smtp_security = SelectField("Security", choices=SECURITIES)
    imap_host = StringField("IMAP server")
    imap_port = StringField("IMAP port", default="993")
    imap_security = SelectField("IMAP security", choices=SECURITIES, default="tls")
    auth = RadioField("How it signs in", choices=SIGN_INS, default=PASSWORD)
    smtp_username = StringField("User name")
    smtp_password = PasswordField("Password")
    imap_username = StringField("IMAP user name")
    imap_password = PasswordField("IMAP password")
    oauth_client_id = StringField("Client id")
    oauth_client_secret = StringField("Client secret")
    oauth_tenant = StringField("Tenant")
    daily_limit = StringField("Daily limit", default="30")
    ramp_start = StringField("On the first day")
    ramp_step = StringField("More each day")
    ramp_ceiling = StringField("Up to")
    min_gap = StringField("Shortest pause", default="60")
    max_gap = StringField("Longest pause", default="180")

    def offer_trap(self, offered: bool) -> None:
        """Leave the trap out of the choices where none runs; it is the default where one does."""
        self.transport.choices = TRANSPORTS if offered else SMTP
        if self.transport.data is None:
            self.transport.data = "trap" if offered else "smtp"

    def enter(self, smtp: Place | None, imap: Place | None) -> None:
        """Fill in the servers that were found."""
        for kind, place in (("smtp", smtp), ("imap", imap)):
            if place is not None:
                for name, value in vars(place).items():
                    self[f"{kind}_{name}"].data = value

    def body(self, *, exists: bool) -> dict[str, Any]:
        """The form as the verb's body. On an account that exists an empty password keeps the stored one."""
        trapped = self.transport.data == "trap"
        numbers = ("daily_limit", "ramp_start", "ramp_step", "ramp_ceiling", "min_gap", "max_gap")
        body: dict[str, Any] = {
            "email_address": self.email_address.data,
            **{name: self[name].data or None for name in ("first_name", "last_name", "reply_to")},
            "signature": (self.signature.data or "").replace("\r\n", "\n").strip() or None,
            **{name: as_number(self[name].data) for name in numbers},
            "uses_trap": trapped,
        }
        if exists or self.display_name.data:
            body["display_name"] = self.display_name.data
        if not trapped:
            body |= self._servers(exists)
        return body

    def _servers(self, exists: bool) -> dict[str, Any]:
        reads = bool((self.imap_host.data or "").strip())
        body: dict[str, Any] = {
            "smtp": self._server("smtp", exists),
            "imap": self._server("imap", exists) if reads else None,
            "auth": self.auth.data,
        }
        if self.auth.data != PASSWORD:
            client = {"client_id": self.oauth_client_id.data or "", "tenant": self.oauth_tenant.data or None}
            body["oauth"] = client | self._secret("client_secret", self.oauth_client_secret.data, exists)
        return body

    def _server(self, kind: str, exists: bool) -> dict[str, Any]:
        """Reading mail takes the same user name and password as sending it, unless it has its own."""
        server: dict[str, Any] = {
            "host": (self[f"{kind}_host"].data or "").strip(),
            "port": as_number(self[f"{kind}_port"].data),
            "security": self[f"{kind}_security"].data,
            "username": self[f"{kind}_username"].data or self.smtp_username.data or None,
        }
        return server | self._secret("password", self[f"{kind}_password"].data or self.smtp_password.data, exists)

    def _secret(self, name: str, typed: str | None, exists: bool) -> dict[str, Any]:
        return {name: typed or None} if typed or not exists else {}


def _usually(step: str) -> str:
    """What an empty limit means."""
    usual, premium = WEEKLY_LIMITS[step]
    return f"Empty: {usual}, or {premium} with Premium."


class SeatForm(Form):
    """A LinkedIn seat."""

    aliases = {"seat": "provider", **{f"seat.{name}": name for name in ("base_url", "api_key")}}
    display_name = StringField("Display name")
    first_name = StringField("First name")
    last_name = StringField("Last name")
    profile_url = StringField("Profile address")
    provider = RadioField("Who does them", choices=PROVIDERS, default=ASSISTED)
    base_url = StringField("API address (DSN)")
    api_key = PasswordField("API key")
    is_premium = BooleanField(
        "It has LinkedIn Premium",
        description=f"It may invite and write more then, and a note may have {NOTE_LIMITS[True]} characters.",
    )
    weekly_connection_limit = StringField("Invitations in 7 days", description=_usually("connection_request"))
    weekly_message_limit = StringField("Messages in 7 days", description=_usually("message"))
    invitation_days = StringField(
        "Days until an invitation times out",
        default=str(DEFAULT_INVITATION_DAYS),
        description="An invitation that nobody accepted by then has timed out, and nothing follows. A new number holds "
        "at once, for everybody who waits.",
    )
    daily_limit = StringField("Daily limit", default="30")
    min_gap = StringField("Shortest pause")
    max_gap = StringField("Longest pause")

    def body(self) -> dict[str, Any]:
        """The form as the verb's body. An empty key keeps the stored one."""
        weekly = ("weekly_connection_limit", "weekly_message_limit", "invitation_days")
        numbers = ("daily_limit", "min_gap", "max_gap", *weekly)
        texts = ("display_name", "first_name", "last_name", "profile_url")
        body = {
            "is_premium": self.is_premium.data,
            **{name: self[name].data or (None if name != "display_name" else "") for name in texts},
            **{name: as_number(self[name].data) for name in numbers},
            "provider": self.provider.data,
        }
        if self.provider.data != ASSISTED:
            body["seat"] = {"base_url": self.base_url.data or ""}
            body["seat"] |= {"api_key": self.api_key.data} if self.api_key.data else {}
        return body


# The settings form, grown from the table. One reader for each kind: the raw value, if the form held one.


class _Absent:
    """No input of this field was posted."""


ABSENT = _Absent()


def _read_text(row: Field, form: Posted) -> Any:
    if row.name not in form:
        return ABSENT
    text = form[row.name].replace("\r\n", "\n")
    nullable = isinstance(row.kind, kinds.Text) and row.kind.nullable
    return None if nullable and not text.strip() else text


def _read_number(row: Field, form: Posted) -> Any:
    return as_number(form[row.name]) if row.name in form else ABSENT


def _read_flag(row: Field, form: Posted) -> Any:
    """A browser posts nothing for a box that is not ticked; `flags` names the boxes that were there."""
    if row.name in form:
        return True
    return False if row.name in form.getlist("flags") else ABSENT


def _read_ids(row: Field, form: Posted) -> Any:
    return form.getlist(row.name) if row.name in form or f"{row.name}-shown" in form else ABSENT


def _read_limits(row: Field, form: Posted) -> Any:
    typed = typed_limits(form)
    if not typed and row.name not in form:
        return ABSENT
    entries = ((account, as_number(text)) for account, text in typed.items())
    return [{"account_id": account, "daily_limit": limit} for account, limit in entries if limit is not None]


def typed_limits(form: Posted) -> dict[str, str]:
    """Sender id -> what was typed as its limit."""
    return {name.removeprefix("limit-"): form[name] for name in form if name.startswith("limit-")}


def _read_hours(row: Field, form: Posted) -> Any:
    return read_week(form) if "hours-mode" in form else ABSENT


READERS: dict[type[kinds.Kind], Callable[[Field, Posted], Any]] = {
    kinds.Text: _read_text,
    kinds.Number: _read_number,
    kinds.Flag: _read_flag,
    kinds.UuidList: _read_ids,
    kinds.AccountLimits: _read_limits,
    kinds.Week: _read_hours,
}
# What the template calls each kind.
LOOKS: dict[type[kinds.Kind], str] = {
    kinds.Number: "number",
    kinds.Flag: "flag",
    kinds.UuidList: "senders",
    kinds.AccountLimits: "account_limits",
    kinds.Week: "week",
}
# The sequence has a page of its own.
SETTINGS = tuple(row for row in FIELDS if not isinstance(row.kind, kinds.Nodes))


def read_settings(form: Posted) -> dict[str, Any]:
    """The body of an edit: every field of the table that the form held, locked or not; the verb sorts them out."""
    raw = {row.name: READERS[type(row.kind)](row, form) for row in SETTINGS}
    return {name: value for name, value in raw.items() if value is not ABSENT}


def settings_rows(
    campaign: Campaign,
    stored: Mapping[str, Any],
    typed: Posted | None = None,
    problems: Iterable[Problem] = (),
) -> list[dict[str, Any]]:
    """The rows of the settings page: an input for what can be edited now, text and the reason for the rest.

    `stored` has the value of each field; what was `typed` in a refused form goes before it.
    """
    errors = by_field(problems)
    rows = []
    for row in SETTINGS:
        if campaign.type not in row.types:
            continue
        locked = locked_because(row, campaign.type, campaign.status)
        rows.append(
            {
                "name": row.name,
                "label": row.label,
                "help": row.help,
                "kind": _look(row),
                "locked": sentence(locked) if locked else None,
                "value": stored[row.name] if typed is None or locked else _typed(row, typed, stored[row.name]),
                "errors": errors.get(row.name, []),
            }
        )
    return rows


def _look(row: Field) -> str:
    if isinstance(row.kind, kinds.Text):
        return "long_text" if row.kind.lines else "text"
    return LOOKS[type(row.kind)]


def _typed(row: Field, form: Posted, stored: Any) -> Any:
    if isinstance(row.kind, kinds.AccountLimits):
        return typed_limits(form) or stored
    if isinstance(row.kind, kinds.Text | kinds.Number):
        return form.get(row.name, stored)
    raw = READERS[type(row.kind)](row, form)
    return stored if raw is ABSENT else raw


def by_field(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """The sentences about each field of the table; what stands below it counts as its own."""
    errors: dict[str, list[str]] = {}
    for problem in problems:
        name = re.split(r"[.\[]", problem.field, maxsplit=1)[0]
        errors.setdefault(name, []).append(sentence(problem.message))
    return errors

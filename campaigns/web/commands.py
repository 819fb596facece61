"""Commands: `flask --app app …`."""

import secrets
import sys

import click
from flask import Flask
from flask.cli import with_appcontext

from campaigns import admitting
from campaigns.models import schema
from campaigns.rules.refusals import Refused
from campaigns.web import docs
from campaigns.web.house import house


def register(app: Flask) -> None:
    """Add our commands to the app's."""
    for command in (create_user, create_api_key, upgrade_database, write_docs):
        app.cli.add_command(command)


@click.command("create-user")
@with_appcontext
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA time zone of the new workspace.")
def create_user(email: str, password_stdin: bool, timezone: str) -> None:
    """A login with its own workspace; without --password-stdin its password is made up and printed."""
    schema.upgrade(house().engine)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(12)
    try:
        with house().sessions.begin() as db:
            admitting.create_user(db, email, password, timezone, now=house().clock())
    except Refused as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"Made a login for {email}." if password_stdin else f"Made a login for {email}: {password}")


@click.command("create-api-key")
@with_appcontext
@click.argument("email")
@click.option("--name", default="command line", show_default=True, help="What to call the key.")
def create_api_key(email: str, name: str) -> None:
    """A new API key for this login, alone on one line."""
    schema.upgrade(house().engine)
    try:
        with house().sessions.begin() as db:
            user = admitting.find_user(db, email)
            if user is None:
                raise click.ClickException(f"Nobody has the login {email}: make it with create-user.")
            _, text = admitting.create_key(db, user, name, now=house().clock())
    except Refused as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(text)


@click.command("upgrade-database")
@with_appcontext
def upgrade_database() -> None:
    """Bring the database to the newest schema; `make run` does it by itself."""
    schema.upgrade(house().engine)


@click.command("docs")
def write_docs() -> None:
    """Write the pages of docs/ that are made from the code."""
    for path in docs.write():
        click.echo(path.name)

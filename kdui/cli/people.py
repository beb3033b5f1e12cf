"""Accounts from the shell: ``python app.py user add|list|role|password|remove``. Passwords come by prompt or environment only."""

import os
import sys
from typing import Annotated

import typer

from kdui.cli import terminal
from kdui.core.errors import KduiError, StateConflict
from kdui.core.people import Role, person_name
from kdui.workbench.workbench import Workbench

VARIABLE = "KDUI_NEW_PASSWORD"
RESTART = "A page that is served already asks for names after its next start, as this is the first account."
Name = Annotated[str, typer.Argument(help="What the person signs in by.")]
Chosen = Annotated[
    Role,
    typer.Option("--role", help="viewer looks, runner queues and changes own runs, host changes everybody's and opens a class."),
]
people = typer.Typer(help="Accounts of the page: who may sign in, and what each may do.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the program's."""
    app.add_typer(people, name="user")


@people.command()
def add(
    name: Name,
    role: Chosen = Role.VIEWER,
    no_password: Annotated[bool, typer.Option("--no-password", help="For a person whom only a proxy's header names.")] = False,
) -> None:
    """Add an account; its password is asked for, or taken from KDUI_NEW_PASSWORD."""
    accounts = Workbench().store.accounts
    first, known = not accounts.any(), accounts.person(person_name(name))
    if known is not None:
        raise StateConflict(f"There is an account '{name}' already. Change it with 'user role' or 'user password'.")
    accounts.add(name, role, None if no_password else _password())
    print(f"{name} can sign in as {role}.", *([RESTART] if first else []))


@people.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False) -> None:
    """Show all accounts."""
    store = Workbench().store
    rows = [
        {
            "name": each.name,
            "role": str(each.role),
            "password": "yes" if each.has_password else "no, by a proxy alone",
            "runs waiting": store.accounts.waiting(each.name),
            "created (UTC)": each.created.isoformat(sep=" ", timespec="seconds"),
        }
        for each in store.accounts.all()
    ]
    terminal.print_json(rows) if as_json else terminal.print_rows(rows)


@people.command()
def role(name: Name, role: Annotated[Role, typer.Argument(help="viewer, runner or host.")]) -> None:
    """Give an account another role; it holds within seconds, also for who is signed in."""
    Workbench().store.accounts.set_role(name, role)
    print(f"{name} is {role} now.")


@people.command()
def password(name: Name) -> None:
    """Give an account another password and end its sessions."""
    Workbench().store.accounts.set_password(name, _password())
    print(f"{name} has a new password, and signs in again.")


@people.command()
def remove(name: Name) -> None:
    """Remove an account and end its sessions; its runs stay."""
    Workbench().store.accounts.remove(name)
    print(f"{name} cannot sign in any more.")


def _password() -> str:
    """By environment for scripts, else typed twice; an argument would stand in the list of processes and the shell's history."""
    if given := os.environ.get(VARIABLE):
        return given
    if not sys.stdin.isatty():
        raise KduiError(f"A password is typed at a terminal. From a script, set {VARIABLE} in the environment.")
    try:
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    except typer.Abort:
        raise KduiError("No password was given, so nothing was changed.") from None
    return typed

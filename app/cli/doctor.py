"""`evergreen doctor`: every mistake in the set-up at once, each with what to do."""

import socket
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import click
import redis
from sqlalchemy import text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from app.cli import doctor_stripe
from app.doorbell import connect
from app.environment import mail_address, redis_address
from app.redaction import without_credentials
from app.settings import Settings
from sync.errors import SettingsError
from sync.mirror import reproject
from sync.store.engine import database_url, make_engine
from sync.store.migrate import is_current

_OLDEST_POSTGRESQL = 150_000
_PATIENCE_S = 3.0


@click.command()
@click.option("--offline", is_flag=True, help="Check the settings only, connect to nothing.")
@click.pass_obj
def command(environ: Mapping[str, str], *, offline: bool) -> None:
    """Name every mistake in the settings and the servers behind them, at once."""
    from app.cli import with_local_stack  # noqa: PLC0415 — the group imports this module by name

    mistakes, advice = findings(with_local_stack(environ), offline=offline)
    for line in mistakes:
        click.secho(f"✗ {line}", fg="red")
    for line in advice:
        click.secho(f"! {line}", fg="yellow")
    if mistakes:
        click.echo(f"{len(mistakes)} to mend")
        raise click.exceptions.Exit(1)
    click.secho("✓ all well", fg="green")


def findings(environ: Mapping[str, str], *, offline: bool) -> tuple[list[str], list[str]]:
    """Return what must be mended and what is worth knowing.

    A server is looked at when its own address is usable, whatever else is wrong.
    """
    mistakes: list[str] = []
    settings = None
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as wrong:
        mistakes = str(wrong).splitlines()
    if not offline:
        for name, look in _LOOKS:
            mistakes += map(without_credentials, look(environ.get(name, "").strip()))
        if settings:
            mistakes += doctor_stripe.coupons(settings)
            mistakes += _vendors(settings)
    return mistakes, list(settings.advice if settings else ())


def _database(url: str) -> Iterator[str]:
    if not _is_postgresql(url):
        return
    engine = make_engine(url)
    try:
        with engine.connect() as conn:
            version = int(conn.execute(text("SHOW server_version_num")).scalar_one())
            if version < _OLDEST_POSTGRESQL:
                yield f"DATABASE_URL leads to PostgreSQL {version // 10_000}: use 15 or newer"
            if not is_current(conn):
                yield "the database lacks migrations: run `evergreen db upgrade`"
            elif due := ", ".join(reproject.due(conn)):
                yield f"other code made columns of {due}: run `evergreen reproject`"
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        yield f"DATABASE_URL leads nowhere ({cause}): start the server or mend the address"
    finally:
        engine.dispose()


def _is_postgresql(url: str) -> bool:
    try:
        return bool(url) and database_url(url).get_backend_name() == "postgresql"
    except (ArgumentError, ValueError):
        return False


def _redis(url: str) -> Iterator[str]:
    try:
        client = connect(redis_address(url), timeout_s=_PATIENCE_S)
    except ValueError:
        return
    try:
        policy = client.info("memory").get("maxmemory_policy")
        if policy not in {None, "noeviction"}:
            yield (
                f"REDIS_URL: the server may evict keys ({policy}), which loses jobs silently;"
                " set maxmemory-policy to noeviction"
            )
    except redis.RedisError as error:
        cause = type(error).__name__
        yield f"REDIS_URL leads nowhere ({cause}): start the server or mend the address"
    finally:
        client.close()


_MAIL_PORTS = {"smtp": 25, "smtps": 465}
_HTTPS = 443
_WEB_PORTS = {"http": 80, "https": _HTTPS}


def _mail(url: str) -> Iterator[str]:
    try:
        address = urlsplit(mail_address(url) or "")
    except ValueError:
        return
    if not address.hostname:
        return
    port = address.port or _MAIL_PORTS.get(address.scheme, _HTTPS)
    yield from _unreachable("MAIL_URL", address.hostname, port)


def _vendors(settings: Settings) -> Iterator[str]:
    """Tell which CRM or shop cannot be reached; no key is tried: `crm setup` does that."""
    customers, stock = settings.customers.vendors, settings.stock.vendors
    told = {
        "HUBSPOT_BASE_URL": customers.hubspot and customers.hubspot.base_url,
        "SALESFORCE_LOGIN_URL": customers.salesforce and customers.salesforce.login_url,
        "CRM_WEBHOOK_URL": customers.webhook and customers.webhook.url,
        "SHOPIFY_BASE_URL": stock.shopify and stock.shopify.base_url,
        "INVENTORY_WEBHOOK_URL": stock.webhook and stock.webhook.url,
        "ACCESS_WEBHOOK_URL": settings.access_webhook and settings.access_webhook.url,
    }
    for name, url in told.items():
        address = urlsplit(url or "")
        if address.hostname:
            port = address.port or _WEB_PORTS[address.scheme]
            yield from _unreachable(name, address.hostname, port)


def _unreachable(name: str, host: str, port: int) -> Iterator[str]:
    try:
        socket.create_connection((host, port), timeout=_PATIENCE_S).close()
    except OSError as error:
        yield (
            f"{name}: {host}:{port} takes no connection ({type(error).__name__});"
            " check host, port and firewall"
        )


_LOOKS: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    ("DATABASE_URL", _database),
    ("REDIS_URL", _redis),
    ("MAIL_URL", _mail),
)

"""`evergreen mail sheet`: pictures of all mails, as a phone and a desktop show them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from babel import Locale

from app import chromium, mail_sheet, png
from app.mail_sheet import Framed, Look
from app.settings import Settings
from notifications.kind import Kind
from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from notifications.policy import MailPolicy
from notifications.render import render_with

PHONE_PX, DESKTOP_PX = 375, 800
LOOKS: Mapping[str, Look] = {
    "phone-light": Look(PHONE_PX, "light", scale=0.6, columns=5),
    "phone-dark": Look(PHONE_PX, "dark", scale=0.6, columns=5),
    "desktop-light": Look(DESKTOP_PX, "light", scale=0.4, columns=4),
    "desktop-dark": Look(DESKTOP_PX, "dark", scale=0.4, columns=4),
}


@click.command("sheet")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the pictures go.",
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(sorted(KINDS)), help="Only these."
)
@click.option("--look", "looks", multiple=True, type=click.Choice(list(LOOKS)), help="Only these.")
@click.option("--every-sample", is_flag=True, help="Each way a text turns, not only the first.")
@click.option("--html", "keep_html", is_flag=True, help="Keep the pages and each mail's HTML, too.")
@click.pass_obj
def sheet(
    settings: Settings,
    *,
    folder: Path,
    kinds: Sequence[str],
    looks: Sequence[str],
    every_sample: bool,
    keep_html: bool,
) -> None:
    """Take pictures of all mails: phone and desktop, light and dark, in every language.

    Needs Chromium. The mails are those of `mail preview`, with your brand and templates.
    """
    chromium.find()
    chosen = [KINDS[name] for name in kinds or KINDS]
    groups = [
        group
        for kind in chosen
        for group in framed(kind, settings.mail_policy, every_sample=every_sample)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for name in looks or LOOKS:
        picture = folder / f"{name}.png"
        with TemporaryDirectory(prefix="evergreen-sheet-") as scratch:
            _photograph(groups, LOOKS[name], (folder if keep_html else Path(scratch)), picture)
        click.echo(f"{picture}: {picture.stat().st_size // 1024} KB")
    if keep_html:
        _keep(groups, folder)


def framed(kind: Kind, policy: MailPolicy, *, every_sample: bool) -> list[list[Framed]]:
    """Return the kind's sample mails, those of one sample in all languages together."""
    samples = list(kind.samples(policy).items())
    return [
        [
            Framed(
                f"{kind.name} {name} {language}",
                render_with(kind, case, Locale(language), policy.templates_dir).html,
            )
            for language in LANGUAGES
        ]
        for name, case in (samples if every_sample else samples[:1])
    ]


def _photograph(groups: list[list[Framed]], look: Look, pages: Path, picture: Path) -> None:
    file = pages / f"{picture.stem}.html"
    file.write_text(mail_sheet.page(groups, look), "utf-8")
    width = mail_sheet.width_px(look, len(LANGUAGES))
    # Columns are as high as the window is wide enough for, so the height is measured in it.
    height = mail_sheet.measured(chromium.dump(file, width)).height_px
    chromium.photograph(file, picture, width, height)
    picture.write_bytes(png.with_palette(picture.read_bytes()))


def _keep(groups: list[list[Framed]], folder: Path) -> None:
    for mail in (mail for group in groups for mail in group):
        (folder / f"{mail.caption.replace(' ', '.')}.html").write_text(mail.html, "utf-8")

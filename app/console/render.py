"""The templates and what they may call."""

from collections.abc import Sequence
from pathlib import Path

from flask import url_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.console import links, words
from app.console.page import Page
from app.console.paging import WINDOW

FOLDER = Path(__file__).parent / "templates"


def templates(pages: Sequence[Page]) -> Environment:
    """Return the console's templates: everything in them is escaped, a missing value is an error.

    `pages` make the navigation.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        url_for=url_for,
        object_url=links.object_url,
        names_object=links.names_object,
        pages=pages,
        search_window=WINDOW,
    )
    written = (words.day, words.fact, words.instant, words.money)
    for word in (*written, words.phrase, words.pretty, words.span):
        environment.filters[word.__name__] = word
    environment.filters["tone"] = words.tone
    return environment

"""What gunicorn serves: `gunicorn app.wsgi:app`."""

import sys

import structlog
from flask import Flask

from app import log
from app.settings import Settings
from app.web import create_app
from sync.errors import SettingsError

_GUNICORN_GIVES_UP = 4  # any other code and it would try again for ever


def _start() -> Flask:
    log.configure()
    try:
        return create_app(Settings.load())
    except SettingsError as mistakes:
        for mistake in str(mistakes).splitlines():
            structlog.get_logger(__name__).error("settings.wrong", mistake=mistake)
        sys.exit(_GUNICORN_GIVES_UP)


app = _start()

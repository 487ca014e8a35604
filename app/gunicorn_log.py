"""gunicorn's own lines, in the same form and as clean as ours."""

from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from app import log


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Hands gunicorn's lines to our log; an access log, where wanted, stays as gunicorn's."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers away once it has set them up."""
        super().setup(cfg)
        log.configure(cfg.loglevel)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

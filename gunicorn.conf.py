"""How gunicorn serves the web process; its own variables (PORT, FORWARDED_ALLOW_IPS) hold too."""

import os
from pathlib import Path

worker_class = "app.edge_worker.EdgeWorker"  # threads, none of them held by a slow client
logger_class = "app.gunicorn_log.JsonLogger"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))  # gunicorn's own variable, our default
threads = 8

# The platform sends SIGTERM and kills after 30 s; a request is cut off by its router at 30 s.
timeout = 30
graceful_timeout = 25
keepalive = 75  # longer than a load balancer keeps an idle connection for reuse

limit_request_fields = 100
limit_request_field_size = 8190
forwarder_headers = ""  # nobody in front of us sets SCRIPT_NAME, so a stranger would

accesslog = None
access_log_format = "%(m)s %(s)s %(D)sus"  # where it is switched on: a path may hold a token
control_socket_disable = True  # it would be made in the home folder

# The heartbeat file must be in memory: a slow disk would look like a hung worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 — gunicorn makes it safely

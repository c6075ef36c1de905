"""How gunicorn serves the portal (docs/operations.md): threads in one process for each core, the app loaded once.

Its environment: `PORT`, `WEB_CONCURRENCY` (processes), `WEB_THREADS` (threads of each).
"""

import os

from gunicorn.arbiter import Arbiter

threads = int(os.environ.get("WEB_THREADS", "16"))
bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
wsgi_app = "smi_portal.wsgi"
worker_class = "gthread"
# Each thread may hold a connection, and a stream records its outcome on one more.
raw_env = [f"DATABASE_POOL_SIZE={threads + 2}"]
# Settings are read before the workers start: the embedded database of the demo belongs to the master.
preload_app = True
graceful_timeout = 10
timeout = 120
loglevel = "warning"
# No control socket: nothing is left behind, and nobody else on the machine can steer the server.
control_socket_disable = True


def when_ready(server: Arbiter) -> None:
    if banner := os.environ.get("PORTAL_BANNER"):
        print(banner, flush=True)  # noqa: T201

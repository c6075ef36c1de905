"""How gunicorn serves the portal (docs/operations.md): threads in one process for each core, the app loaded once.

Its environment: `PORT`, `WEB_CONCURRENCY` (processes), `WEB_THREADS` (threads of each), and `WORKER`: set, a worker for
the work in the background runs beside the server as long as that does.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

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


WORKER_PATIENCE = 12  # seconds: a worker gives a job 10 to finish
beside: list[subprocess.Popen] = []


def when_ready(server: Arbiter) -> None:
    if os.environ.get("WORKER"):
        beside.append(start_worker())
    if banner := os.environ.get("PORTAL_BANNER"):
        print(banner, flush=True)  # noqa: T201


def on_exit(server: Arbiter) -> None:
    """The worker ends first: the embedded database is stopped by the last one out."""
    for process in beside:
        process.terminate()
        try:
            process.wait(WORKER_PATIENCE)
        except subprocess.TimeoutExpired:  # told to end while it was starting, it may never do so
            process.kill()
            process.wait()


def start_worker() -> subprocess.Popen:
    """A process of its own, with connections of its own rather than the pool of the threads."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_POOL_SIZE"}
    command = [sys.executable, Path(__file__).with_name("manage.py"), "procrastinate", "worker"]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=ignore_interrupt)


def ignore_interrupt() -> None:
    """Ctrl-C reaches all processes of a terminal: the server ends by it, and ends the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

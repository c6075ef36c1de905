"""How gunicorn serves the portal (docs/operations.md): a few threads in each of several processes, the app loaded once.

Its environment: `PORT`, `WEB_CONCURRENCY` (processes: two for each core, at most eight), `WEB_THREADS` (threads of a
process, four), and `WORKER`: if set, a worker and a keeper run beside the server, as long as it does, and are started
again if they end.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from gunicorn.arbiter import Arbiter

# Python runs one thread of a process at a time: many threads in few processes wait for one another.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(2 * (os.cpu_count() or 1), 8))
threads = int(os.environ.get("WEB_THREADS") or 4)
bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
wsgi_app = "smi_portal.wsgi"
worker_class = "smi_portal.whole_requests.Worker"  # gthread, but slow clients keep no thread
# Each thread may hold a connection, and a stream records its outcome on one more.
raw_env = [f"DATABASE_POOL_SIZE={threads + 2}", f"WEB_CONCURRENCY={workers}", f"WEB_THREADS={threads}"]
# Settings are read before the workers start: the embedded database of the demo belongs to the master.
preload_app = True
graceful_timeout = 10
timeout = 120
loglevel = "warning"
# No control socket: nothing is left behind, and nobody else on the machine can control the server.
control_socket_disable = True


PATIENCE = 12  # seconds: a worker gives a job 10 to finish
BESIDE = (["procrastinate", "worker"], ["keeper"])  # commands of manage.py
PR_SET_PDEATHSIG = 1  # of Linux, in sys/prctl.h
PAUSE = 2  # seconds, before one that has ended is started again
beside: list[subprocess.Popen] = []
ending = threading.Event()


def when_ready(server: Arbiter) -> None:
    # What the app consists of stays as long as it runs: looking through all of it for garbage held every page up.
    gc.collect()
    gc.freeze()
    if os.environ.get("WORKER"):
        beside.extend(start(command) for command in BESIDE)
        threading.Thread(target=keep_running, args=[server], daemon=True).start()
    if banner := os.environ.get("PORTAL_BANNER"):
        print(banner, flush=True)  # noqa: T201


def on_exit(server: Arbiter) -> None:
    """End the programs beside the server first: the last one to end stops the embedded database."""
    ending.set()
    for process in beside:
        process.terminate()
    for process in beside:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:  # a program told to end while it starts may never do so
            process.kill()
            process.wait()


def keep_running(server: Arbiter) -> None:
    """Start the processes beside the server again whenever one ends; in a thread that lives as long as that."""
    while not ending.wait(PAUSE):
        for number, process in enumerate(beside):
            if process.poll() is not None and not ending.is_set():
                server.log.warning("The %s has ended and is started again.", BESIDE[number][-1])
                beside[number] = start(BESIDE[number])


def start(command: list[str]) -> subprocess.Popen:
    """Start a separate process, with its own connections rather than the pool of the threads."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_POOL_SIZE"}
    whole = [sys.executable, Path(__file__).with_name("manage.py"), *command]
    return subprocess.Popen(whole, env=environment, stdin=subprocess.DEVNULL, preexec_fn=partial(bind_to, os.getpid()))


def bind_to(server: int) -> None:
    """In the new process, ignore Ctrl-C, on which the server ends it, and end if the server is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != server:  # killed meanwhile
            os._exit(1)

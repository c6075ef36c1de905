"""The portal's settings, with the addresses that are only there to be compared with; for a server of a benchmark."""

from smi_portal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"

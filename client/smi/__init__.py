"""Command line of the SMI self-service portal; it knows the portal by its API alone."""

__version__ = "0.1.0"

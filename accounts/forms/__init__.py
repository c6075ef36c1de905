"""Forms parse what was typed; the actions decide."""

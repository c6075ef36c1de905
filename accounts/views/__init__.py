"""Pages of people and organisations, by noun. Each declares its right, does one thing, and renders."""

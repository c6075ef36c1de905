"""What the API gives and takes, by noun."""

"""Acts on the MAP ID and MSN of devices; each is one transaction, and says why it is refused."""

"""What people and systems do to the MAP ID and MSN of devices: one transaction each, telling why it is refused."""

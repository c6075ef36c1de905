"""The history of one device, as far as its viewer may know it."""

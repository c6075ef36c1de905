"""The API for systems of suppliers, MAPs and the DCC: the same reads and rights as the pages, as JSON."""

"""Pages of the inventory, by noun. Each fetches through `visible_to`, does one thing, and renders."""

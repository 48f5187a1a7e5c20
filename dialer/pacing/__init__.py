"""How many lines to dial now: pure policies that learn from events and decide on a snapshot of the floor."""

"""Token stores: where processes and machines share tokens."""

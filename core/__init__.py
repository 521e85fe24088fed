"""The product: memory, the turn and the store's verbs. It knows no platform."""

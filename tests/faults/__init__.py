"""Faults, injected for real: the promise has to hold through them."""

"""What every store does, on every store."""

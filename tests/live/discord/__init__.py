"""What the real Discord does, compared with what we take it to do."""

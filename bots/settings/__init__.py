"""Settings, read once from the environment and from `.env`."""

"""Settings: read once, from the environment and `.env`, and handed down from there."""

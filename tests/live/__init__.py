"""Tries what the bot takes Slack and Discord to do on the real ones: `make live CHANNEL=…`."""

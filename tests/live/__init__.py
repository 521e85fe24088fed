"""Checks our assumptions about Slack and Discord on the real ones: `make live CHANNEL=…`."""

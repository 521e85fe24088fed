"""Slack: the bot in channels, threads and direct messages."""

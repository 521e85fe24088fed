"""From Slack's events, and from its history, to the core's messages."""

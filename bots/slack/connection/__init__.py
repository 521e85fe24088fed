"""How Slack's events reach the bot: Socket Mode or HTTP, and what each payload is answered."""

"""The connection to Discord's gateway, and what of discord.py the bot does differently."""

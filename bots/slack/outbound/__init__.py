"""Posting on Slack: answers, previews, files and reactions; and finding the bot's own posts."""

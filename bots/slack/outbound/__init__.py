"""What the bot posts on Slack: answers, previews, files, reactions, and finding its own posts."""

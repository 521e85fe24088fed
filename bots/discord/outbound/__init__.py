"""What the bot posts on Discord: answers, previews, files, and finding its own posts."""

"""What the bot posts on Discord: answers, previews and files; and finding its posts again."""

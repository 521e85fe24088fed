"""What the bot costs, measured."""

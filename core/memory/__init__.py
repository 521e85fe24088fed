"""What the model sees of a conversation: strategies, the token budget, and summaries."""

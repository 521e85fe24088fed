"""What the model gets to see of a conversation; pure."""

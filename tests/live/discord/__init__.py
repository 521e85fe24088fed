"""`chatbot doctor --live`: what the real Discord does, beside what we take it to do."""

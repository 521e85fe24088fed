"""Recordings of `chatbot doctor --live`, played to our client and to our fake Slack."""

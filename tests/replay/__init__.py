"""Recordings of `chatbot doctor --live`, played to our clients and to our fakes."""

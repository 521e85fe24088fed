"""The types everything else speaks of: messages, sessions, errors, the clock."""

"""What people say on Slack, from payloads to the core's messages; what is read back of the past."""

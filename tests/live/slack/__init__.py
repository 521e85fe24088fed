"""What a real workspace does, compared with what we take Slack to do."""

"""What the fakes of Slack, Discord and Claude share."""

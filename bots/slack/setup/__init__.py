"""What the app needs at Slack: its manifest, and what the doctor checks."""

"""The app's setup at Slack: its manifest, and the doctor's checks."""

"""What people see on Slack beside messages: commands, buttons, modals and App Home."""

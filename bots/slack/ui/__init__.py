"""What people use on Slack besides messages: commands, buttons, modals and App Home."""

"""What people see on Discord beside messages: commands, menus and buttons."""

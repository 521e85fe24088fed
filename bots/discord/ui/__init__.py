"""What people use on Discord beside messages: commands, menus and buttons."""

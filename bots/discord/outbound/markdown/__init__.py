"""Shows the Markdown that models write in the Markdown that Discord knows. Pure."""

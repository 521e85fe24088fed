"""`chatbot doctor --live`: what a real workspace does, beside what we take Slack to do."""

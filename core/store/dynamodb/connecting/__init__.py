"""How the store reaches a DynamoDB table."""

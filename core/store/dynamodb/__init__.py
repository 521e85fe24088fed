"""The store in a DynamoDB table: each shared verb is one conditional transaction."""

from core.store.dynamodb.store import DynamoStore
from core.store.dynamodb.table import make_table

__all__ = ["DynamoStore", "make_table"]

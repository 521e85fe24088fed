"""The store in a DynamoDB table: the shared verbs, one conditional transaction each."""

from core.store.dynamodb.store import DynamoStore
from core.store.dynamodb.table import make_table

__all__ = ["DynamoStore", "make_table"]

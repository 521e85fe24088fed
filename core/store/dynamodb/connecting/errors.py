"""Errors of DynamoDB and its driver, as one sentence for the operator. Pure."""

from __future__ import annotations

from botocore import exceptions as aws

from core.domain.errors import (
    ChatbotError,
    SettingsError,
    StoreRefusedError,
    StoreUnavailableError,
)

FAILURES = (aws.BotoCoreError, aws.ClientError, OSError)
"""Everything a call to DynamoDB may raise; TimeoutError is an OSError."""

_RIGHTS = (
    "dynamodb:BatchGetItem, BatchWriteItem, ConditionCheckItem, DeleteItem, PutItem, Query and "
    "Scan on the table and its indexes (`chatbot init-store` needs CreateTable, DescribeTable, "
    "DescribeTimeToLive and UpdateTimeToLive as well)"
)
_CREDENTIALS = (
    "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "AWS_PROFILE, or give the machine a role"
)
_PROFILE = "AWS's own settings can't be used: look at AWS_PROFILE and ~/.aws/config"
_UNKNOWN_CREDENTIALS = "is not open to these AWS credentials: they are wrong, or have expired"
_THROTTLED = "is asked for more than it allows: raise its limits, or wait"
_REFUSALS = {
    "ResourceNotFoundException": (
        "does not exist: create it with `chatbot init-store`, or change its name or region in "
        "CHATBOT_STORE"
    ),
    "AccessDeniedException": f"is not open to these AWS credentials: allow them {_RIGHTS}",
    "UnrecognizedClientException": _UNKNOWN_CREDENTIALS,
    "InvalidClientTokenId": _UNKNOWN_CREDENTIALS,
    "InvalidSignatureException": f"{_UNKNOWN_CREDENTIALS}, or this machine's clock is wrong",
    "IncompleteSignatureException": _UNKNOWN_CREDENTIALS,
    "MissingAuthenticationTokenException": _UNKNOWN_CREDENTIALS,
    "ExpiredTokenException": _UNKNOWN_CREDENTIALS,
}
_UNAVAILABLE = {
    "ProvisionedThroughputExceededException": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "RequestLimitExceeded": _THROTTLED,
    "LimitExceededException": _THROTTLED,
    "ResourceInUseException": "is being created or changed at this moment",
}


def code_of(error: BaseException) -> str:
    """Return AWS's code of an error; empty if the error does not come from AWS."""
    if not isinstance(error, aws.ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def explained(error: BaseException, at: str) -> ChatbotError:
    """Return the error as ours: what is wrong with the table at `at`, and what to do.

    The text repeats nothing that was sent, and nothing of the reply.
    """
    code = code_of(error)
    if code in _REFUSALS:
        return StoreRefusedError(f"{at} {_REFUSALS[code]}")
    if code in _UNAVAILABLE:
        return StoreUnavailableError(f"{at} {_UNAVAILABLE[code]}")
    if code:
        return StoreUnavailableError(f"{at} failed ({code})")
    return _unasked(error, at)


_LOOK = "look at the network, and at the region or endpoint in CHATBOT_STORE"
_UNREACHED = f"can't be reached: {_LOOK}"
_LATE = f"does not answer in time: {_LOOK}"
# Errors without a reply of AWS; the first kind that matches counts.
_UNASKED: tuple[tuple[type[BaseException], type[ChatbotError], str], ...] = (
    (
        aws.NoRegionError,
        SettingsError,
        "no AWS region is set: write dynamodb://TABLE?region=REGION, or set AWS_REGION",
    ),
    (aws.NoCredentialsError, StoreRefusedError, _CREDENTIALS),
    (aws.PartialCredentialsError, StoreRefusedError, _CREDENTIALS),
    (aws.CredentialRetrievalError, StoreRefusedError, _CREDENTIALS),
    (aws.ProfileNotFound, StoreRefusedError, _PROFILE),
    (aws.ConfigParseError, StoreRefusedError, _PROFILE),
    (aws.InvalidConfigError, StoreRefusedError, _PROFILE),
    (aws.SSLError, StoreRefusedError, "{at} shows a certificate that can't be verified"),
    (aws.ConnectTimeoutError, StoreUnavailableError, f"{{at}} {_LATE}"),
    (aws.ReadTimeoutError, StoreUnavailableError, f"{{at}} {_LATE}"),
    (TimeoutError, StoreUnavailableError, f"{{at}} {_LATE}"),
    (aws.ConnectionError, StoreUnavailableError, f"{{at}} {_UNREACHED}"),
    (aws.HTTPClientError, StoreUnavailableError, f"{{at}} {_UNREACHED}"),
    (OSError, StoreUnavailableError, f"{{at}} {_UNREACHED}"),
)


def _unasked(error: BaseException, at: str) -> ChatbotError:
    for kind, ours, sentence in _UNASKED:
        if isinstance(error, kind):
            return ours(sentence.format(at=at))
    return StoreUnavailableError(f"{at} failed ({type(error).__name__})")

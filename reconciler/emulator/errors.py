"""What can go wrong: AWS's error codes with their texts, and a wrong order from outside the API."""

from collections.abc import Iterable


class ApiError(Exception):
    """An error answer of the service; `code` is AWS's name of it, `message` what a client reads."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ControlError(ValueError):
    """An order from outside the API that names nothing, too much, or what cannot be done now."""


def not_found(message: str) -> ApiError:
    """ResourceNotFoundException."""
    return ApiError("ResourceNotFoundException", message)


def limit_exceeded(message: str) -> ApiError:
    """LimitExceededException."""
    return ApiError("LimitExceededException", message)


def failed_validation(message: str) -> ApiError:
    """ValidationException, which no operation declares."""
    return ApiError("ValidationException", message)


def unreadable(message: str) -> ApiError:
    """SerializationException: the body cannot be read as the operation's input."""
    return ApiError("SerializationException", message)


def violations(problems: Iterable[str]) -> ApiError:
    """One ValidationException for all `problems`.

    The form is AWS's: "1 validation error detected: Value ... failed to satisfy constraint: ...",
    seen in https://github.com/LBHackney-IT/Data-Platform/pull/2738 for CreateConnection.
    """
    texts = list(problems)
    count = f"{len(texts)} validation error{'' if len(texts) == 1 else 's'} detected: "
    return failed_validation(count + "; ".join(texts))

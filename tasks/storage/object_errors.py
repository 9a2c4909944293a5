"""What a store's client raises, told as our own errors are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from reground.tasks.errors import RegroundError

NO_BUCKET: Final = ("NoSuchBucket", "The specified bucket does not exist", "ContainerNotFound")
NO_CREDENTIALS: Final = (
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2",
    "metadata.google.internal",
    "metadata/instance",
    "metadata/identity",
    "InstanceProfile",
    "MissingCredential",
    "Missing credential",
    "credential provider",
    "Received None from session.get_credentials",
)
UNREACHABLE: Final = ("HTTP error", "error sending request", "Connect", "dns error", "timed out")
DENIED: Final = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403 Forbidden", "401 Unauthorized")
CREDENTIALS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where the machine has a role",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run where the machine has a service account",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or run where the machine has an identity",
}


def conflict_types() -> tuple[type[Exception], ...]:
    """Of a conditional put that was refused."""
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    return AlreadyExistsError, PreconditionError


@contextlib.contextmanager
def translated(url: str, key: str) -> Iterator[None]:
    """Turn what ``obstore`` raises into our errors; conflicts of conditional puts pass.

    Args:
        url: of the storage.
        key: of the object asked for; empty: the whole storage.

    Raises:
        FileNotFoundError: the bucket is there, the object is not.
        RegroundError: no credentials, refused credentials, no such bucket, no answer, or another fault of the store.
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        if _says(error, NO_BUCKET):
            raise _problem(url, error) from error
        raise FileNotFoundError(f"{url.rstrip('/')}/{key}") from error
    except conflict_types():
        raise
    except (BaseError, OSError, ValueError) as error:
        raise _problem(url, error) from error


def _problem(url: str, error: Exception) -> RegroundError:
    scheme, _, rest = url.partition("://")
    bucket = rest.partition("/")[0]
    if _says(error, NO_BUCKET):
        return RegroundError(f"there is no bucket '{bucket}' for {url}: make it, or check the name and the region.")
    if _says(error, NO_CREDENTIALS):
        return RegroundError(f"no credentials for {url}: {CREDENTIALS.get(scheme, 'set those of the store')}.")
    if isinstance(error, PermissionError) or _is_denied(error):
        return RegroundError(
            f"{url} refuses these credentials: expected ones that may list, read, write and delete in '{bucket}'."
        )
    if _says(error, UNREACHABLE):
        return RegroundError(f"{url} does not answer: check the network and the endpoint. {_first_line(error)}")
    return RegroundError(f"the store at {url} failed: {_first_line(error)}")


def _is_denied(error: Exception) -> bool:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    return isinstance(error, PermissionDeniedError | UnauthenticatedError) or _says(error, DENIED)


def _says(error: Exception, words: tuple[str, ...]) -> bool:
    text = str(error)
    return any(word in text for word in words)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

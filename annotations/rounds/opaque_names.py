"""Opaque names: what annotators see in place of image ids, keys and file names.

An image id often holds the original label, and a key the class. In the data of a task, in its options and in the
addresses of pictures stand hashes instead, keyed with a secret of the workspace: nobody can compute them from the ids
of a published dataset. The table ``questions`` maps them back.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Final

from reground.annotations.rounds.questions import Question
from reground.tasks.votes import CONTAINS
from reground.tasks.workspace import Workspace

SECRET_FILE: Final = "review.secret"
NAME_BYTES: Final = 8


def read_secret(workspace: Workspace) -> bytes:
    """The workspace's secret, 32 bytes; drawn at random at the first call."""
    try:
        return bytes.fromhex(workspace.read_bytes(SECRET_FILE).decode())
    except FileNotFoundError:
        secret = secrets.token_bytes(32)
        workspace.write_bytes(SECRET_FILE, secret.hex().encode(), private=True)
        return secret


def opaque_name(secret: bytes, *parts: str) -> str:
    """The same 16 hexadecimal digits for the same parts.

    Examples:
        >>> opaque_name(b"secret", "n01440764_10026"), opaque_name(b"another", "n01440764_10026")
        ('69b6c51b3434584d', '160237438d70e085')
    """
    return hashlib.blake2b("\0".join(parts).encode(), key=secret, digest_size=NAME_BYTES).hexdigest()


def with_opaque_names(question: Question, kind: str, secret: bytes) -> Question:
    """The question with its names in Label Studio; an image has another one in each question.

    Args:
        question: without these names.
        kind: contains, classify or decide; only CONTAINS has images as options.
        secret: of the workspace.
    """
    image_ids = question.image_ids if kind == CONTAINS else ()
    options = tuple(opaque_name(secret, question.key, image_id) for image_id in image_ids)
    task_key = opaque_name(secret, question.key, *question.image_ids, *map(str, question.class_idxs))
    return replace(question, task_key=task_key, options=options)

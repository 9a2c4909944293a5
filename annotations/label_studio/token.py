"""Tokens of Label Studio as people paste them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from reground.tasks.errors import UsageError
from reground.tasks.redaction import conceal

TOKEN_VARIABLE: Final = "REGROUND_LABEL_STUDIO_TOKEN"
_AROUND: Final = " \t\r\n\v\f\u00a0\u200b\ufeff\"'`"
"""What copying adds at the ends: white space, line breaks, a byte order mark, quotes."""
_SCHEME: Final = re.compile(r"(?:token|bearer)\s+", re.IGNORECASE)
"""What stands before a token in the header Authorization."""
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._~+/=-]")


def parse_token(text: str, source: str = TOKEN_VARIABLE) -> str:
    """A token without what was copied along with it; masked in all text from now on. Empty: there is none.

    Args:
        text: as somebody pasted it.
        source: where it stands, named in the error.

    Raises:
        UsageError: it has a character that no token has; the message names that character alone.
    """
    bare = text.strip(_AROUND)
    token = _SCHEME.sub("", bare, count=1) if _SCHEME.match(bare) else bare
    for secret in (token, *_FOREIGN.split(token)):
        conceal(secret)
    foreign = _FOREIGN.search(token)
    if foreign:
        code = f"U+{ord(foreign[0]):04X}"
        name = unicodedata.name(foreign[0], "a control character")
        raise UsageError(
            f"expected a token of Label Studio in {source}: letters, digits, dots and dashes; found {code} ({name}) as "
            f"character {foreign.start() + 1} of {len(token)}. Copy it again from the page Account & Settings."
        )
    return token

"""The user's own picture behind the people of a film."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from engines.errors import InputError

_MOST_MB = 20
_KINDS = ("JPEG", "PNG", "WEBP")
_LONGEST_PX = 2160
"""More is not seen behind a person."""
_QUALITY = 88


def picture_url(path: Path) -> str:
    """A picture as a ``data:`` URL, not larger than a film needs.

    Raises:
        InputError: code ``background``: it cannot be read, is too large, or is no picture.
    """
    try:
        size = path.stat().st_size
        if not size:
            raise InputError(f"“{path.name}” is empty.", code="background")
        if size > _MOST_MB * 1e6:
            raise InputError(f"“{path.name}” is larger than {_MOST_MB} MB. Choose a smaller picture.", code="background")
        with Image.open(path, formats=_KINDS) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Image.DecompressionBombError as error:
        raise InputError(f"“{path.name}” has too many pixels. Choose a smaller picture.", code="background") from error
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:  # Pillow's own have no number
            raise InputError(f"“{path.name}” cannot be read: {error.strerror}.", code="background") from error
        raise InputError(f"“{path.name}” is no picture that can be read; choose a JPEG, PNG or WebP file.", code="background") from error
    picture.thumbnail((_LONGEST_PX, _LONGEST_PX))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"

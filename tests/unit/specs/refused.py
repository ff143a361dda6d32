"""What a refused value looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from router.errors import UsageError


def refused(parse: Callable[[], object]) -> UsageError:
    """Return the error of ``parse``, after checking that it says what to do."""
    with pytest.raises(UsageError) as caught:
        parse()
    error = caught.value
    assert error.hint
    return error

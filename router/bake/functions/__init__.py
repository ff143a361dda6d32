"""The functions that every definition can call: those of bake.

Each is in the module of its kind, which is loaded when a definition first calls one of them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.bake.nodes import Function

__all__ = ["NAMES", "standard_function"]

_MODULES = {
    "numeric": "absolute add and ceil divide equal floor greaterthan greaterthanorequalto int lessthan"
    " lessthanorequalto log max min modulo multiply negate not notequal or parseint pow signum subtract",
    "strings": "basename chomp dirname indent join lower replace reverse sanitize sort split strlen substr"
    " title trim trimprefix trimspace trimsuffix upper",
    "sequences": "chunklist coalesce coalescelist compact concat contains distinct element flatten hasindex"
    " index indexof length range reverselist slice",
    "mappings": "keys lookup merge values zipmap",
    "sets": "sethaselement setintersection setproduct setsubtract setsymmetricdifference setunion",
    "formats": "format formatlist",
    "encodings": "base64decode base64encode csvdecode jsondecode jsonencode urlencode",
    "digests": "bcrypt md5 sha1 sha256 sha512 uuidv4 uuidv5",
    "decryption": "rsadecrypt",
    "times": "formatdate formattimestamp timeadd unixtimestampparse",
    "matching": "regex regex_replace regexall",
    "versions": "semvercmp",
    "addresses": "cidrhost cidrnetmask cidrsubnet cidrsubnets",
    "attempts": "can convert try",
    "outside": "homedir timestamp",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

NAMES = frozenset(_HOME)
"""What they are called."""


def standard_function(name: str) -> Function | None:
    """Return a function by its name, None where there is none."""
    module = _HOME.get(name)
    if module is None:
        return None
    path = f"{__name__}.{module}"
    __import__(path)  # -X importtime sees what it loads, and not what importlib does
    found: Function = sys.modules[path].FUNCTIONS[name]
    return found

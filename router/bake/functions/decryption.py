"""``rsadecrypt``, in a module of its own: what it takes is slow to load."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from router.bake.functions.signature import TEXT, Builtin, of
from router.bake.places import DefinitionFault

__all__ = ["FUNCTIONS"]


def _rsa_decrypt(ciphertext: str, key: str) -> str:
    try:
        loaded = load_pem_private_key(key.encode(), None)
        if not isinstance(loaded, RSAPrivateKey):
            raise DefinitionFault("the key is no RSA key")
        return loaded.decrypt(base64.b64decode(ciphertext, validate=True), PKCS1v15()).decode()
    except (ValueError, TypeError, binascii.Error):
        # Not chained: what cryptography says may hold the key.
        raise DefinitionFault("the text can't be decrypted with this key") from None


FUNCTIONS: dict[str, Builtin] = {
    "rsadecrypt": of(_rsa_decrypt, ("ciphertext", TEXT), ("privatekey", TEXT)),
}

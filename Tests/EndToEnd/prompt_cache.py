"""The `prompt_cache_key` of an org, computed independently of the gateway."""

import base64
import hashlib
import hmac
import json


def name_at_vendors(stack, org, own=None):
    """The `prompt_cache_key` sent to a vendor; `own` is the caller's. HKDF-SHA-256 with one block and no salt."""
    secret = base64.b64decode((stack.secrets / "seal-key").read_text().split()[-1].split(":")[1])
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    key = hmac.digest(extracted, b"aihub/vendor-cache/name\x01", hashlib.sha256)
    message = org.encode() + b"\0" + (b"" if own is None else json.dumps(own).encode())
    return base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)[:24]).decode()

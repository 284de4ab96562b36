"""Canonical JSON (RFC 8785) and the content hashes made of it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785


def content_hash(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the document's canonical JSON: the same on every machine and Python version."""
    return hashlib.sha256(rfc8785.dumps(dict(document))).hexdigest()

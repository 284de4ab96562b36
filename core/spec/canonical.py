"""Canonical JSON (RFC 8785) and the content hashes made of it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """The document as RFC 8785 writes it: the same bytes on every machine and Python version."""
    return rfc8785.dumps(dict(document))


def content_hash(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the document's canonical JSON."""
    return hashlib.sha256(canonical_json(document)).hexdigest()

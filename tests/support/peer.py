"""A sidecar as seen by another: signs requests to /peer as src/wire/peer_auth.c does."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import time
from typing import Optional

from .sidecar import Answer, Sidecar

KEY = "the shared key of the test mesh, 32 bytes or more"


def _netstring(*fields: object) -> bytes:
    texts = [str(f).encode() for f in fields]
    return b"".join(b"%d:%s," % (len(t), t) for t in texts)


class Peer:
    """Posts in the name of `name`, by default with the right key, clock and receiver."""

    def __init__(self, name: str, key: str = KEY) -> None:
        self.name, self.key = name, key
        self.session = os.urandom(8).hex()
        self.numbers = itertools.count(1)

    def proof(
        self, to: str, body: bytes = b"", skew_s: float = 0, number: Optional[int] = None
    ) -> str:
        """The Authorization header's value."""
        at = int((time.time() + skew_s) * 1000)
        number = next(self.numbers) if number is None else number
        text = _netstring(
            "sideclaw-peer-1",
            "POST",
            "/peer",
            to,
            self.name,
            at,
            self.session,
            number,
            hashlib.sha256(body).hexdigest(),
        )
        mac = hmac.new(self.key.encode(), text, hashlib.sha256).hexdigest()
        return f"Sideclaw from={self.name}, to={to}, at={at}, nonce={self.session}.{number}, mac={mac}"

    def post(
        self,
        sidecar: Sidecar,
        body: bytes = b"",
        to: Optional[str] = None,
        proof: Optional[str] = None,
        skew_s: float = 0,
    ) -> Answer:
        proof = self.proof(to or sidecar.name, body, skew_s) if proof is None else proof
        headers = {"Authorization": proof, "Content-Type": "application/x-ndjson"}
        return sidecar.http("POST", "/peer", body, token="", headers=headers)

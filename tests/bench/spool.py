"""A spool filled by copying: a daemon writes one message, the database multiplies it.

Whatever columns the schema has come along; only what must differ is set anew. That is a hundred times
faster than a million submissions, and stays true when the schema changes.
"""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

BATCH = 20000


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [r[1] for r in db.execute(f"PRAGMA table_info({table})") if r[1] != "n"]


def _copy_id(first: bytes, i: int) -> bytes:
    """Later in time than the first, by i steps of its last 48 bits: the index grows at its end."""
    return first[:6] + bytes([first[6] & 0xF0 | 0x0F, 0xFF]) + first[8:10] + i.to_bytes(6, "big")


def multiply(path: Path, count: int) -> None:
    """Until the outbox of a stopped daemon holds `count` messages like its newest."""
    db = sqlite3.connect(path, isolation_level=None)
    n, first = db.execute("SELECT n, id FROM outbox ORDER BY n DESC LIMIT 1").fetchone()
    text = str(uuid.UUID(bytes=first))
    db.create_function("copy_id", 1, lambda i: _copy_id(first, i), deterministic=True)
    db.create_function("copy_text", 1, lambda i: str(uuid.UUID(bytes=_copy_id(first, i))), deterministic=True)
    cols = _columns(db, "outbox")
    chosen = ["copy_id(i.value)" if c == "id" else c for c in cols]
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TEMP TABLE one AS SELECT * FROM outbox WHERE n = ?", (n,))
    (json,) = db.execute("SELECT json FROM outbox_envelope WHERE n = ?", (n,)).fetchone()
    have = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
    for start in range(have, count, BATCH):
        span = f"(WITH RECURSIVE s(value) AS (SELECT {start} UNION ALL SELECT value + 1 FROM s"
        span += f" WHERE value + 1 < {min(count, start + BATCH)}) SELECT value FROM s) i"
        db.execute("BEGIN")
        names, values = ", ".join(cols), ", ".join(chosen)
        db.execute(f"INSERT INTO outbox(n, {names}) SELECT {n} + i.value, {values} FROM one, {span}")
        db.execute(
            f"INSERT INTO outbox_envelope(n, json) SELECT {n} + i.value, json_set(replace(?1, ?2,"
            f" copy_text(i.value)), '$.seq', json_extract(?1, '$.seq') + i.value) FROM {span}",
            (json, text),
        )
        db.execute("COMMIT")
    db.execute("UPDATE lanes SET seq = seq + ?", (count,))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()

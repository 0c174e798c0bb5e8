"""Consul and Redis until Ctrl-C: see scripts/dev-up.sh."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.consul import Consul  # noqa: E402
from support.redis import Redis  # noqa: E402

folder = Path(tempfile.mkdtemp(prefix="sideclaw-dev."))
consul, redis = Consul(folder), Redis(folder)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    consul.start()
    redis.start()
    print("In another terminal:\n")
    print(f"  export CONSUL_HTTP_ADDR={consul.addr} REDIS_URL={redis.url}")
    print(f"  export PATH={Path(consul.program).parent}:$PATH\n")
    print("Running. Ctrl-C stops both.", flush=True)
    signal.pause()
except KeyboardInterrupt:
    pass
finally:
    redis.stop()
    consul.stop()
    shutil.rmtree(folder, ignore_errors=True)

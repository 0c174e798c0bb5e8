"""What the end-to-end tests and scripts/demo stand on: standard library only.

wait ports process    waiting with a deadline, free ports, child processes
consul redis openclaw    the real programs around a sidecar, each on ports of its own
mock_llm fake_gateway    stand-ins: a language model, and a gateway that answers at once
proxy netns machine    networks, disks and clocks that a test may break
ledger traffic faults world    what was promised against what happened, while everything fails
sidecar mesh    sideclawd with its configuration, and several of them together
"""

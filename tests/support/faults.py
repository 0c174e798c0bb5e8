"""What can go wrong, one function each: it does the harm, yields while that lasts, and makes it good.

`hold` is how long it lasts, so that every timeout that it is about has passed: 5 s for an answer of
Redis, 10 s for one of Consul. `why_not` gives the reason where a machine cannot do it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Callable, ContextManager, Iterator

from .machine import FakeTime
from .world import World

Step = Callable[[World], Iterator[None]]


@dataclass
class Fault:
    name: str
    run: Callable[[World], ContextManager[None]]
    hold: float  # seconds
    ambiguous: bool  # a gateway was harmed: that a turn ran may be unknowable
    peer: bool  # it is about the path from sidecar to sidecar
    down: tuple[tuple[str, str], ...]  # (sidecar, link): what `status` must call not up, with a remedy
    why_not: Callable[[World], str]


CATALOGUE: list[Fault] = []
REDIS = (("alpha", "redis"), ("beta", "redis"))
CONSUL = (("alpha", "consul"), ("beta", "consul"))
GATEWAY = (("beta", "gateway"),)


def fault(
    hold: float,
    down: tuple[tuple[str, str], ...] = (),
    ambiguous: bool = False,
    peer: bool = False,
    why_not: Callable[[World], str] = lambda world: "",
) -> Callable[[Step], Step]:
    def add(step: Step) -> Step:
        name = step.__name__.replace("_", "-")
        run = contextlib.contextmanager(step)
        CATALOGUE.append(Fault(name, run, hold, ambiguous, peer, down, why_not))
        return step

    return add


# --- programs that end ---
@fault(hold=1)
def sender_killed(w: World) -> Iterator[None]:
    w.alpha.process.kill()
    yield
    w.alpha.start()


@fault(hold=1)
def receiver_killed(w: World) -> Iterator[None]:
    w.beta.process.kill()
    yield
    w.beta.start()


@fault(hold=2)
def both_killed(w: World) -> Iterator[None]:
    w.alpha.process.kill()
    w.beta.process.kill()
    yield
    w.beta.start()
    w.alpha.start()


@fault(hold=2, down=REDIS)
def redis_killed(w: World) -> Iterator[None]:
    """It keeps what it said it had: appendfsync always."""
    w.redis.process.kill()
    yield
    w.redis.start()


@fault(hold=2, down=REDIS)
def redis_killed_and_empty(w: World) -> Iterator[None]:
    w.redis.process.kill()
    w.redis.lose_everything()
    yield
    w.redis.start()


@fault(hold=2, down=CONSUL)
def consul_killed(w: World) -> Iterator[None]:
    w.consul.process.kill()
    yield
    w.consul.start()


# --- programs that stop in their tracks, longer than every deadline of the others ---
@fault(hold=6)
def receiver_frozen(w: World) -> Iterator[None]:
    w.beta.process.pause()
    yield
    w.beta.process.resume()


@fault(hold=6)
def sender_frozen(w: World) -> Iterator[None]:
    w.alpha.process.pause()
    yield
    w.alpha.process.resume()


@fault(hold=6, down=REDIS)
def redis_frozen(w: World) -> Iterator[None]:
    w.redis.process.pause()
    yield
    w.redis.process.resume()


@fault(hold=11, down=CONSUL)
def consul_frozen(w: World) -> Iterator[None]:
    w.consul.process.pause()
    yield
    w.consul.process.resume()


# --- Redis does what Redis does ---
@fault(hold=2)
def redis_flushed(w: World) -> Iterator[None]:
    """Again and again: what is in a stream is gone the next moment."""
    w.redis.call("FLUSHALL")
    yield
    w.redis.call("FLUSHALL")


@fault(hold=6, down=REDIS)
def redis_clients_paused(w: World) -> Iterator[None]:
    """It answers nothing, and everything at the end; longer than a command may take."""
    w.redis.call("CLIENT", "PAUSE", 5900)
    yield


@fault(hold=2)
def redis_subscribers_cut(w: World) -> Iterator[None]:
    """One big message fills a subscriber's output buffer, which ends its connection."""
    w.redis.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1 0 0")
    yield
    w.redis.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")


@fault(hold=2)
def redis_clients_killed(w: World) -> Iterator[None]:
    w.redis.call("CLIENT", "KILL", "TYPE", "normal")
    yield
    w.redis.call("CLIENT", "KILL", "TYPE", "pubsub")


@fault(hold=2)
def redis_scripts_flushed(w: World) -> Iterator[None]:
    w.redis.call("SCRIPT", "FLUSH")
    w.redis.call("FUNCTION", "FLUSH")
    yield
    w.redis.call("SCRIPT", "FLUSH")


@fault(hold=3, down=REDIS)
def redis_out_of_memory(w: World) -> Iterator[None]:
    w.redis.call("CONFIG", "SET", "maxmemory", 1)
    yield
    w.redis.call("CONFIG", "SET", "maxmemory", 0)


@fault(hold=3, down=REDIS)
def redis_a_replica(w: World) -> Iterator[None]:
    """Read-only, of a master that nobody reaches."""
    w.redis.call("REPLICAOF", "127.0.0.1", 1)
    yield
    w.redis.call("REPLICAOF", "NO", "ONE")


@fault(hold=3, down=REDIS)
def redis_wants_a_password(w: World) -> Iterator[None]:
    w.redis.call("CONFIG", "SET", "requirepass", "changed-behind-our-back")
    with w.redis.client("changed-behind-our-back") as admin:
        admin.call("CLIENT", "KILL", "TYPE", "pubsub")
        admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield
    with w.redis.client("changed-behind-our-back") as admin:
        admin.call("CONFIG", "SET", "requirepass", "")


# --- gateways ---
@fault(hold=1, down=GATEWAY, ambiguous=True)
def gateway_restarted(w: World) -> Iterator[None]:
    w.gateway("beta").stop()
    yield
    w.gateway("beta").start()


@fault(hold=6, ambiguous=True)
def gateway_frozen(w: World) -> Iterator[None]:
    w.gateway("beta").freeze()
    yield
    w.gateway("beta").thaw()


@fault(hold=1, ambiguous=True)
def gateway_connections_cut(w: World) -> Iterator[None]:
    w.gateway("beta").drop()
    yield
    w.gateway("beta").drop()


@fault(hold=2, ambiguous=True)
def gateway_answers_lost_and_restarted(w: World) -> Iterator[None]:
    """Turns run, nobody hears of it, and then their keys are forgotten: only the history knows."""
    w.gateway("beta").lose_answers = True
    yield
    w.gateway("beta").stop()
    w.gateway("beta").lose_answers = False
    w.gateway("beta").start()


@fault(hold=2, ambiguous=True)
def gateway_and_its_sidecar_killed(w: World) -> Iterator[None]:
    w.gateway("beta").lose_answers = True
    yield
    w.beta.process.kill()
    w.gateway("beta").stop()
    w.gateway("beta").lose_answers = False
    w.gateway("beta").start()
    w.beta.start()


# --- the network between a sidecar and Redis ---
@fault(hold=2, down=REDIS[1:])
def redis_unreachable_from_one_side(w: World) -> Iterator[None]:
    w.redis_link["beta"].cut()
    yield
    w.redis_link["beta"].heal()


@fault(hold=6, down=REDIS[1:])
def redis_packets_lost(w: World) -> Iterator[None]:
    w.redis_link["beta"].blackhole()
    yield
    w.redis_link["beta"].heal()


@fault(hold=6, down=REDIS[:1])
def redis_hears_us_and_we_hear_nothing(w: World) -> Iterator[None]:
    w.redis_link["alpha"].blackhole(up=False)
    yield
    w.redis_link["alpha"].heal()


@fault(hold=6, down=REDIS[:1])
def redis_does_not_hear_us(w: World) -> Iterator[None]:
    w.redis_link["alpha"].blackhole(down=False)
    yield
    w.redis_link["alpha"].heal()


@fault(hold=6)
def redis_connections_half_open(w: World) -> Iterator[None]:
    w.redis_link["beta"].half_open()
    yield


@fault(hold=3)
def redis_slow(w: World) -> Iterator[None]:
    w.redis_link["alpha"].delay(0.2)
    yield
    w.redis_link["alpha"].heal()


@fault(hold=3)
def redis_connections_reset(w: World) -> Iterator[None]:
    w.redis_link["alpha"].reset()
    yield
    w.redis_link["beta"].reset()


@fault(hold=3)
def redis_frames_truncated(w: World) -> Iterator[None]:
    """Every connection ends in the middle of a frame, the new ones too."""
    for link in w.redis_link.values():
        link.truncate(10007)
    yield
    for link in w.redis_link.values():
        link.heal()


# --- the network between a sidecar and Consul ---
@fault(hold=3, down=CONSUL[:1])
def consul_unreachable(w: World) -> Iterator[None]:
    w.consul_link["alpha"].cut()
    yield
    w.consul_link["alpha"].heal()


@fault(hold=11, down=CONSUL[1:])
def consul_packets_lost(w: World) -> Iterator[None]:
    w.consul_link["beta"].blackhole()
    yield
    w.consul_link["beta"].heal()


@fault(hold=3)
def consul_slow(w: World) -> Iterator[None]:
    w.consul_link["alpha"].delay(0.3)
    yield
    w.consul_link["alpha"].heal()


@fault(hold=3)
def consul_answers_truncated(w: World) -> Iterator[None]:
    w.consul_link["beta"].truncate(3001)
    yield
    w.consul_link["beta"].heal()


# --- the cable itself: beta is in a network namespace ---
def no_netns(w: World) -> str:
    return w.netns.why_not


def no_netem(w: World) -> str:
    return w.netns.why_no_shape()


@fault(hold=6, why_not=no_netns)
def cable_unplugged(w: World) -> Iterator[None]:
    """Redis, Consul, the other sidecar and its own gateway at once, without a word."""
    w.netns.unplug()
    yield
    w.netns.plug_in()


@fault(hold=4, why_not=no_netem)
def packets_lost_and_reordered(w: World) -> Iterator[None]:
    assert not w.netns.shape("delay", "20ms", "10ms", "loss", "10%", "reorder", "25%")
    yield
    assert not w.netns.shape()


# --- several at once ---
@fault(hold=3, down=REDIS + CONSUL)
def nothing_reachable(w: World) -> Iterator[None]:
    """Everything waits on disk."""
    for link in w.links():
        link.cut()
    yield
    for link in w.links():
        link.heal()


@fault(hold=3)
def nothing_reachable_and_both_killed(w: World) -> Iterator[None]:
    """What waits on disk is all that is left of it."""
    for link in w.links():
        link.cut()
    yield
    for sidecar in (w.alpha, w.beta):
        sidecar.process.kill()
        sidecar.start()
    for link in w.links():
        link.heal()


def no_peer(w: World) -> str:
    return "" if w.peer else "this world has no mesh key"


@fault(hold=4, down=REDIS + CONSUL, peer=True, why_not=no_peer)
def only_the_peer_path_is_left(w: World) -> Iterator[None]:
    brokers = (*w.redis_link.values(), *w.consul_link.values())
    for link in brokers:
        link.cut()
    yield
    for link in brokers:
        link.heal()


@fault(hold=4, peer=True, why_not=no_peer)
def redis_gone_and_peers_truncated(w: World) -> Iterator[None]:
    w.redis_link["alpha"].cut()
    for link in w.peer_link.values():
        link.truncate(501)
    yield
    for link in w.links():
        link.heal()


@fault(hold=6, peer=True, why_not=no_peer)
def redis_gone_and_the_peer_silent(w: World) -> Iterator[None]:
    w.redis_link["beta"].cut()
    w.peer_link["beta"].blackhole(up=False)
    yield
    for link in w.links():
        link.heal()


@fault(hold=4, down=REDIS)
def only_consul_is_left(w: World) -> Iterator[None]:
    away = (*w.redis_link.values(), *w.peer_link.values())
    for link in away:
        link.cut()
    yield
    for link in away:
        link.heal()


# --- disks and clocks ---
def no_disk(w: World) -> str:
    return "" if w.disks["alpha"].mounted else w.disks["alpha"].why


def no_faketime(w: World) -> str:
    return "" if w.faketime else FakeTime.why_not()


@fault(hold=3, why_not=no_disk)
def sender_disk_full(w: World) -> Iterator[None]:
    w.disks["alpha"].fill()
    yield
    w.disks["alpha"].free()


@fault(hold=3, why_not=no_disk)
def receiver_disk_full(w: World) -> Iterator[None]:
    w.disks["beta"].fill()
    yield
    w.disks["beta"].free()


@fault(hold=4, why_not=no_faketime)
def sender_clock_an_hour_ahead(w: World) -> Iterator[None]:
    w.clocks["alpha"].set(3600)
    yield
    w.clocks["alpha"].set(0)  # and an hour back


@fault(hold=4, why_not=no_faketime)
def receiver_clock_an_hour_behind(w: World) -> Iterator[None]:
    w.clocks["beta"].set(-3600)
    yield
    w.clocks["beta"].set(0)


@fault(hold=3, why_not=no_faketime)
def clock_set_back_while_messages_wait(w: World) -> Iterator[None]:
    """What is due in an hour by the old clock is due soon by the new one."""
    w.clocks["alpha"].set(3600)
    w.beta.process.pause()
    yield
    w.redis.call("FLUSHALL")
    w.beta.process.kill()
    w.clocks["alpha"].set(0)
    w.beta.start()

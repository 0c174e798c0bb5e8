"""The checker of test_world and test_faults_each must see what it is there for: each violation, planted."""

from __future__ import annotations

from typing import Callable, Optional

import pytest
from support.ledger import Ledger, Post, Row, Verdict, violations


def post(n: int, turn: bool = False, frm: str = "a0", to: str = "b0") -> Post:
    return Post(f"id-{n}", "alpha", frm, to, f"body {n}", turn)


class Case:
    """A ledger in which messages go the right way until a test bends one step."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.outbox: dict[str, Row] = {}
        self.inbox: dict[str, Row] = {}

    def accept(self, *posts: Post) -> None:
        for p in posts:
            self.ledger.asking(p)
        for p in posts:
            self.ledger.accepted(p)
            self.outbox[p.id] = Row(p.id, "accepted", None)

    def deliver(self, *posts: Post) -> None:
        for p in posts:
            if p.turn:
                self.ledger.told(p.to, p.id, p.frm, p.body)
                self.ledger.turn_ended(p.id)
                self.rows(p, "replied")
            else:
                self.ledger.read(p.to, p.id, p.frm, p.body)
                self.ledger.acked(p.id)
                self.rows(p, "delivered")

    def reply(self, p: Post, id: str = "") -> None:
        self.ledger.replied(p.frm, id or f"re-{p.id}", p.id, f"re: {p.body}")

    def rows(self, p: Post, out: str, into: str = "", reason: Optional[str] = None) -> None:
        self.outbox[p.id] = Row(p.id, out, reason)
        self.inbox[p.id] = Row(p.id, into or out, reason)

    def verdict(self, ambiguous_ok: bool = False) -> Verdict:
        self.ledger.spools("alpha", self.outbox.values(), self.inbox)
        return self.ledger.verdict(ambiguous_ok)


@pytest.fixture
def case() -> Case:
    return Case()


def only(verdict: Verdict, kind: str, text: str = "") -> None:
    assert dict(verdict.faults) == {kind: 1}, violations(verdict)
    assert text in verdict.shown[0]


def test_what_goes_right_is_right(case: Case) -> None:
    one, two, three = post(1), post(2, turn=True, to="tb"), post(3)
    case.accept(one, two, three)
    case.deliver(one, two, three)
    case.reply(two)
    verdict = case.verdict()
    assert violations(verdict) == []
    assert (verdict.accepted, verdict.delivered, verdict.replies) == (3, 3, 1)
    assert case.ledger.open() == set()


def test_a_lost_message_is_seen(case: Case) -> None:
    case.accept(post(1))
    assert case.ledger.open() == {"id-1"}
    only(case.verdict(), "lost", "id-1")


def test_a_lost_reply_is_seen(case: Case) -> None:
    p = post(1, turn=True)
    case.accept(p)
    case.deliver(p)
    assert case.ledger.open() == {"id-1"}
    only(case.verdict(), "lost", "reply to id-1")


def test_a_turn_that_ran_twice_is_seen(case: Case) -> None:
    p = post(1, turn=True)
    case.accept(p)
    case.deliver(p, p)
    case.reply(p)
    only(case.verdict(), "twice", "id-1")


def test_a_reply_that_came_twice_is_seen(case: Case) -> None:
    p = post(1, turn=True)
    case.accept(p)
    case.deliver(p)
    case.reply(p)
    case.reply(p, "another")
    only(case.verdict(), "twice", "reply to id-1")


def test_a_message_shown_again_after_its_acknowledgement_is_seen(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.deliver(p)
    case.ledger.read(p.to, p.id, p.frm, p.body)
    only(case.verdict(), "twice", "after its acknowledgement")


def test_reading_again_what_was_never_acknowledged_is_no_fault(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.ledger.read(p.to, p.id, p.frm, p.body)
    case.deliver(p)
    assert violations(case.verdict()) == []


def test_messages_out_of_order_are_seen(case: Case) -> None:
    one, two, three = post(1), post(2), post(3)
    case.accept(one, two, three)
    case.deliver(two, one, three)
    only(case.verdict(), "order", "id-1 after id-2")


def test_order_is_per_pair(case: Case) -> None:
    one, two = post(1), post(2, frm="a1")
    case.accept(one, two)
    case.deliver(two, one)
    assert violations(case.verdict()) == []


def test_one_that_was_refused_at_first_comes_after_those_accepted_meanwhile(case: Case) -> None:
    one, two = post(1), post(2)
    case.ledger.asking(one)
    case.ledger.refused(one, "full")
    case.accept(two)
    case.accept(one)
    case.deliver(one, two)
    only(case.verdict(), "order", "id-2 after id-1")


def test_one_whose_answer_was_lost_may_be_on_either_side(case: Case) -> None:
    for delivered in ((0, 1), (1, 0)):
        case = Case()
        posts = post(1), post(2)
        case.ledger.asking(posts[0])
        case.ledger.unanswered(posts[0])
        case.accept(posts[1])
        case.accept(posts[0])
        case.deliver(*(posts[i] for i in delivered))
        assert violations(case.verdict()) == []


def test_what_nobody_sent_is_seen(case: Case) -> None:
    case.ledger.read("b0", "id-9", "a0", "?")
    only(case.verdict(), "nowhere", "id-9")


def test_delivery_to_another_agent_is_seen(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.deliver(p)
    case.ledger.read("b1", "id-1-copy", p.frm, p.body)
    only(case.verdict(), "nowhere", "b1")


def test_delivery_of_what_was_refused_is_seen(case: Case) -> None:
    p = post(1)
    case.ledger.asking(p)
    case.ledger.refused(p, "full")
    case.ledger.read(p.to, p.id, p.frm, p.body)
    only(case.verdict(), "nowhere", "refused")


def test_a_row_of_what_was_refused_is_seen(case: Case) -> None:
    p = post(1)
    case.ledger.asking(p)
    case.ledger.refused(p, "full")
    case.outbox[p.id] = Row(p.id, "accepted", None)
    only(case.verdict(), "spool", "refused")


def test_an_accepted_message_without_a_row_is_seen(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.deliver(p)
    case.outbox.clear()
    only(case.verdict(), "spool", "not in alpha's outbox")


def test_another_text_is_seen(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.ledger.read(p.to, p.id, p.frm, "body 1, or so")
    only(case.verdict(), "body")


def test_a_reply_with_anothers_text_is_seen(case: Case) -> None:
    p = post(1, turn=True)
    case.accept(p)
    case.deliver(p)
    case.ledger.replied(p.frm, "r", p.id, "re: body 2")
    only(case.verdict(), "body")


EARLY: dict[str, Callable[[Case, Post], None]] = {
    "stored-and-nothing-there": lambda case, p: case.inbox.clear(),
    "replied-and-only-stored": lambda case, p: case.rows(p, "replied", "stored"),
    "started-and-only-delivered": lambda case, p: case.rows(p, "started", "delivered"),
}


@pytest.mark.parametrize("plant", EARLY.values(), ids=EARLY.keys())
def test_a_stage_beyond_the_truth_is_seen(case: Case, plant: Callable[[Case, Post], None]) -> None:
    p = post(1)
    case.accept(p)
    case.deliver(p)
    plant(case, p)
    only(case.verdict(), "early", "id-1")


def test_a_stage_beyond_the_truth_is_seen_while_it_runs(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.deliver(p)
    case.ledger.claim(p.id, "sent", lambda: None)
    case.ledger.claim(p.id, "delivered", lambda: "delivered")
    case.ledger.claim(p.id, "delivered", lambda: "stored")
    only(case.verdict(), "early", "id-1 is delivered, its receiver has stored")


def test_a_turn_said_to_run_of_which_no_gateway_knows_is_seen(case: Case) -> None:
    p = post(1, turn=True)
    case.accept(p)
    case.ledger.claim(p.id, "started", lambda: "started")
    case.deliver(p)
    case.reply(p)
    only(case.verdict(), "early", "no gateway was told")


def test_death_needs_a_reason(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.rows(p, "dead", reason="expired: no gateway said within its ttl that it has it")
    verdict = case.verdict()
    assert violations(verdict) == [] and dict(verdict.dead) == {"expired": 1}

    case = Case()
    case.accept(p := post(1))
    case.rows(p, "dead")
    only(case.verdict(), "dead", "without a reason")


def test_death_of_what_was_delivered_is_seen(case: Case) -> None:
    p = post(1)
    case.accept(p)
    case.deliver(p)
    case.rows(p, "dead", reason="expired: so it seemed")
    only(case.verdict(), "dead", "was delivered")


def test_ambiguity_is_counted_and_needs_a_harmed_gateway() -> None:
    for harmed in (True, False):
        case = Case()
        case.accept(p := post(1, turn=True))
        case.ledger.told(p.to, p.id, p.frm, p.body)
        case.ledger.turn_ended(p.id)
        case.rows(p, "dead", reason="ambiguous: expired, and its gateway may have run it")
        verdict = case.verdict(ambiguous_ok=harmed)
        assert verdict.ambiguous == 1
        if harmed:
            assert violations(verdict) == []
        else:
            only(verdict, "dead", "1 ambiguous")


def test_many_violations_of_a_kind_are_all_counted(case: Case) -> None:
    case.accept(*(post(n) for n in range(20)))
    verdict = case.verdict()
    assert verdict.faults["lost"] == 20
    assert violations(verdict)[-1] == "lost: 15 more"
    assert "lost 20, twice 0, out of order 0" in "\n".join(verdict.lines())

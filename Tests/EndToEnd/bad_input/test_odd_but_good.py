"""Strictness has limits: unusual but valid requests are served."""

import pytest

from cases_good import CASES
from case import KEY, ids
from wire import Wire


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_is_served(worker, key, case):
    with Wire(worker) as wire:
        answer = wire.send(case.data.replace(KEY, key.encode())).final(seconds=3)
        assert answer, f"no answer; sent {case.data[:300]!r}"
        assert answer.status == case.status, f"got {answer.status} {answer.body[:300]!r}; sent {case.data[:400]!r}"
        second = wire.send(b"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n").final(count=2)
        assert wire.closed or second and second.status == 200, f"out of step: {wire.received[-300:]!r}"


def test_afterwards_nothing_has_changed(stack, worker, watch):
    assert worker.process.child.pid == watch.pid
    stack.clear_bill()
    watch.check()

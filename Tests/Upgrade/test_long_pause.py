"""Redis and the workers die with requests open, and are down for days: the holds are released all the same."""

import tempfile
import time

from dead_journals import RUNNING
from facts import gather, wait_quiet
from invariants import i2_redis_is_ledger, i2_sums_are_rows
from processes import wait_until
from scenario import Scenario
from upgrade_rig import Gateway

DAYS = 3


def test_what_was_held_is_given_back_days_later():
    gateway = Gateway(tempfile.mkdtemp(prefix="aihub-test-"))
    try:
        gateway.create()
        scenario = Scenario(gateway)
        # Of the two that run, each may be one too many as long as it counts.
        scenario.key("narrow", limits={"concurrent_requests": 2, "usd_per_month": "1"})
        stuck = [scenario.stream("narrow", "stuck", worker, "interrupted") for worker in (0, 1)]
        wait_until(lambda: scenario.words_on_disk(stuck, RUNNING), what="what they have cost is in the journals")
        for process in (gateway.control, gateway.state.process, *(worker.process for worker in gateway.workers)):
            process.kill()
        gateway.postgres.stop_now()

        gateway.move_clocks(DAYS * 86400)
        gateway.postgres.start()
        gateway.state.start()
        gateway.start_control()
        gateway.start_workers()
        assert gateway.redis().time()[0] > time.time() + (DAYS - 1) * 86400
        wait_quiet(gateway)
        facts = gather(gateway)
        assert [*i2_redis_is_ledger(facts), *i2_sums_are_rows(facts)] == []
        account = scenario.account()
        assert {id: row["nano_usd"] for id, row in facts.ledger.items()} == {id: one["nano_usd"] for id, one in account.items()} != {}
        for _ in range(3):
            scenario.spend("narrow")
    finally:
        gateway.close()

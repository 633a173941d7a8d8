"""Keys that do not exist: a flood of them from one address is refused before Redis is asked, and slows nobody else."""

import random

import rows
from addresses import check_refusal, fresh_address, once, random_key

#: How many bad keys an address may send at once: half of AIHUB_WORKER_FAILED_KEYS_PER_MINUTE.
BURST = 30
BODY = b'{"model":"plain","messages":[{"role":"user","content":"hi"}]}'


def placed(place, key):
    return {"bearer": [("Authorization", f"Bearer {key}")], "lower": [("authorization", f"bearer {key}")],
            "spaces": [("Authorization", f"BEARER   {key}")], "x": [("x-api-key", key)], "api": [("api-key", key)],
            "both": [("Authorization", f"Bearer {key}"), ("X-API-Key", key)]}[place]


def generate(source: random.Random):
    return {"tries": BURST + source.randint(8, 20), "revoked": source.random() < 0.3, "seed": source.getrandbits(64),
            "place": source.choice(["bearer", "lower", "spaces", "x", "api", "both"]),
            "ask": source.choice([("POST", "/v1/chat/completions"), ("POST", "/v1/embeddings"), ("GET", "/v1/models"),
                                  ("GET", "/v1/models/plain"), ("GET", "/v1/me"), ("POST", "/v1/completions")])}


def test_an_address_that_sends_unknown_keys_is_refused_before_redis_is_asked(stack):
    worker = stack.workers[0]
    good = stack.new_key()["key"]
    revoked = stack.new_key()
    stack.admin("POST", f"/keys/{revoked['id']}/revoke", expect=200)
    assert once(worker, "127.0.0.1", "GET", "/v1/me", placed("bearer", good))[0] == 200
    stats = stack.redis()

    def existence_checks():
        return stats.info("commandstats").get("cmdstat_exists", {"calls": 0})["calls"]

    def check(variant):
        source, address = random.Random(variant["seed"]), fresh_address()
        method, path = variant["ask"]
        body = BODY if method == "POST" else b""

        def send(key, address=address):
            return once(worker, address, method, path, placed(variant["place"], key), body)

        before = existence_checks()
        answers = [send(random_key(source)) for _ in range(variant["tries"])]
        asked = existence_checks() - before
        statuses = [status for status, _, _ in answers]
        looked_up = statuses.count(401)
        assert set(statuses[:BURST]) == {401}, "refused before it had sent many"
        assert looked_up < len(statuses), "every unknown key was looked up"
        for answer in answers:
            if answer[0] != 401:
                check_refusal(answer)
        # One check a key, and the control plane's own now and then: refused keys cost Redis nothing.
        assert asked <= looked_up + 12, f"{asked} checks for {looked_up} look-ups"
        # A key that is known to be bad is the same answer from here on; one that is good goes through.
        if variant["revoked"]:
            check_refusal(send(revoked["key"]))
        assert once(worker, address, "GET", "/v1/me", placed("bearer", good))[0] == 200, "a good key was refused"
        assert send(random_key(source), fresh_address())[0] == 401, "another address was refused"

    rows.attack("S18", generate, check)


def test_unknown_and_revoked_keys_get_the_same_answer(stack):
    """The same text and the same look-ups: a revoked key is looked up as often as one that never existed."""
    worker = stack.workers[0]
    revoked = stack.new_key()
    stack.admin("POST", f"/keys/{revoked['id']}/revoke", expect=200)
    source = random.Random(rows.seed())
    answers = [once(worker, fresh_address(), "GET", "/v1/me", placed("bearer", key))
               for key in (revoked["key"], random_key(source))]
    assert answers[0][0] == answers[1][0] == 401 and answers[0][2] == answers[1][2]

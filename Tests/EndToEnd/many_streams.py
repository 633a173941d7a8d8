"""Two thousand concurrent streams on one worker: their memory, and that each ends properly."""

import asyncio
import resource
import subprocess
import sys
import time

import stack as stacks
from soak import SETTINGS, Line, descriptors, rss_mib

STREAMS, OPENING = 2000, 50
RSS_MIB_MAX = 300
#: Slow enough for a single-threaded provider, but faster than the idle bound of a scripted model.
stacks.SCRIPTED["drip"] = "in=5,out=80,gap=500"


async def run(stack):
    worker, key = stack.workers[0], stack.new_key()["key"]
    pid, opening, open_now, flaws = worker.process.child.pid, asyncio.Semaphore(OPENING), 0, []
    idle, all_open = rss_mib(pid), asyncio.Event()

    async def stream():
        nonlocal open_now
        await opening.acquire()

        def began():
            nonlocal open_now
            opening.release()
            open_now += 1
            if open_now == STREAMS:
                all_open.set()

        line = await Line.open(worker.port)
        line.ask(key, "drip", True)
        flaw = await line.answer(True, began)
        line.leave(reset=False)
        open_now -= 1
        if flaw:
            flaws.append(flaw)

    started = time.monotonic()
    tasks = [asyncio.create_task(stream()) for _ in range(STREAMS)]
    await asyncio.wait_for(all_open.wait(), 35)
    taken = time.monotonic() - started
    rss, fds = rss_mib(pid), descriptors(pid)
    print(f"{STREAMS} open after {taken:.1f} s: {rss:.1f} MiB (idle {idle:.1f}), {fds} descriptors", flush=True)
    while not all(task.done() for task in tasks):
        await asyncio.sleep(1)
        rss = max(rss, rss_mib(pid))
    await asyncio.gather(*tasks)
    print(f"all ended after {time.monotonic() - started:.1f} s; at most {rss:.1f} MiB; {len(flaws)} without [DONE] {flaws[:3]}")
    return rss <= RSS_MIB_MAX and not flaws


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    stack = stacks.Stack(workers=1, **SETTINGS)
    try:
        subprocess.run(["prlimit", "--pid", str(stack.workers[0].process.child.pid), "--nofile=16384"], check=True)
        holds = asyncio.run(run(stack))
    finally:
        stack.close()
    print("holds" if holds else "BROKEN", f"at most {RSS_MIB_MAX} MiB with {STREAMS} streams")
    sys.exit(not holds)


if __name__ == "__main__":
    main()

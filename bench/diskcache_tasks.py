"""Does tasks on a python-diskcache, directed as src/tasks.rs describes."""

import json
import sys
import time
from collections import Counter

import diskcache

TAG = "page"
VALUE = bytes(100)
BATCH = 1000
DEQUE_LENGTH = 20_000


def key(number, count):
    return f"key-{number * 7919 % count:07}"


def fill(cache, count):
    cache.create_tag_index()
    for start in range(0, count, BATCH):
        with cache.transact():
            for number in range(start, min(start + BATCH, count)):
                cache.set(key(number, count), VALUE, tag=TAG if number % 10 == 0 else None)
    return count


def timed(task):
    start = time.perf_counter_ns()
    count = task()
    return {"count": count, "times": [(time.perf_counter_ns() - start, 1)]}


def each_timed(task, count):
    times, done = Counter(), 0
    clock = time.perf_counter_ns
    for _ in range(count):
        start = clock()
        result = task()
        times[clock() - start] += 1
        done += result is not None
    return {"count": done, "times": sorted(times.items())}


def answer(cache, task, count):
    if task == "fill":
        return timed(lambda: fill(cache, count))
    if task == "keys":
        return timed(lambda: sum(1 for _ in cache.iterkeys()))
    if task == "evict":
        return timed(lambda: cache.evict(TAG))
    if task == "expire":
        return timed(cache.expire)
    if task == "clear":
        return timed(cache.clear)
    if task == "push":
        return each_timed(lambda: cache.push(VALUE, "jobs"), count)
    if task == "pull":
        return each_timed(lambda: cache.pull("jobs")[0], count)
    if task == "lock":
        return each_timed(lock_and_release(diskcache.Lock(cache, "deploy")), count)
    if task == "middle":
        deque = long_deque()
        middle = DEQUE_LENGTH // 2
        return each_timed(lambda: deque[middle], count)
    raise ValueError(f"not understood: {task}")


def long_deque():
    deque = diskcache.Deque(directory=sys.argv[1] + "-deque")
    if not deque:
        with deque.transact():
            deque.extend([VALUE] * DEQUE_LENGTH)
    return deque


def lock_and_release(lock):
    def task():
        lock.acquire()
        lock.release()
        return True

    return task


def main():
    with diskcache.Cache(sys.argv[1]) as cache:
        print(json.dumps({"count": 0, "times": []}), flush=True)
        for line in sys.stdin:
            task, count = line.split()
            print(json.dumps(answer(cache, task, int(count))), flush=True)


main()

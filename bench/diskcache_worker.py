"""Does operations on a python-diskcache, directed as src/worker.rs describes."""

import json
import sys
import time
from collections import Counter

import diskcache

KEYS = 100
MASK = (1 << 64) - 1


class Workload:
    """The operations of src/workload.rs, in the same order."""

    def __init__(self, seed):
        self.state = seed
        self.count = 0

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return (mixed ^ (mixed >> 31)) % bound

    def next(self):
        key = str(self.below(KEYS)).encode()
        repetitions = 1 + self.below(99)
        choice = self.below(100)
        self.count += 1
        if choice < 90:
            return "get", key, None
        if choice < 99:
            return "set", key, str(self.count).encode() * repetitions
        return "delete", key, None


def operate(cache, workload, count):
    times = {"get": Counter(), "set": Counter(), "delete": Counter()}
    clock = time.perf_counter_ns
    for _ in range(count):
        kind, key, value = workload.next()
        if kind == "get":
            start = clock()
            cache.get(key)
            stop = clock()
        elif kind == "set":
            start = clock()
            cache.set(key, value)
            stop = clock()
        else:
            start = clock()
            cache.delete(key)
            stop = clock()
        times[kind][stop - start] += 1
    return {kind: sorted(counter.items()) for kind, counter in times.items()}


def main():
    directory, seed = sys.argv[1], int(sys.argv[2])
    workload = Workload(seed)
    nothing = {"get": [], "set": [], "delete": []}
    with diskcache.Cache(directory) as cache:
        print(json.dumps(nothing), flush=True)
        for line in sys.stdin:
            command = line.split()
            answer = nothing
            if command[0] == "populate":
                for number in range(KEYS):
                    cache.set(str(number).encode(), str(number).encode())
            else:
                answer = operate(cache, workload, int(command[1]))
            print(json.dumps(answer), flush=True)


main()

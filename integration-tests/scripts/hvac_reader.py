"""Reads KV v2 secrets with hvac, as the `peers` benchmark tells it to.

Each line of standard input is a JSON object: `address`, `token`, `paths`, `reads`, `threads`. So many threads then read
the paths in turn, and one line of JSON says how it went: `seconds`, `cpu` (seconds of this process), `times` (of single
reads, in nanoseconds) and `failed`. Ends with its input.
"""

import itertools
import json
import sys
import threading
import time

import hvac
import requests

CLIENTS = {}


def client(address, token, threads):
    """One client for all threads, with a connection for each of them."""
    if (address, token, threads) not in CLIENTS:
        session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=threads)
        session.mount("http://", adapter)
        CLIENTS[address, token, threads] = hvac.Client(url=address, token=token, session=session)
    return CLIENTS[address, token, threads]


def read(order):
    kv = client(order["address"], order["token"], order["threads"]).secrets.kv.v2
    numbers, paths, reads = itertools.count(), order["paths"], order["reads"]
    times, failed, start = [], [], threading.Event()

    def reader():
        start.wait()
        # Taking the next number of an `itertools.count` is one step under the interpreter's lock.
        while (number := next(numbers)) < reads:
            began = time.perf_counter_ns()
            try:
                answer = kv.read_secret_version(paths[number % len(paths)], raise_on_deleted_version=True)
                answer["data"]["data"]["name"]
            except (hvac.exceptions.VaultError, requests.RequestException) as error:
                failed.append(type(error).__name__)
            times.append(time.perf_counter_ns() - began)

    threads = [threading.Thread(target=reader) for _ in range(order["threads"])]
    for thread in threads:
        thread.start()
    cpu, began = time.process_time(), time.perf_counter()
    start.set()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "times": times, "failed": failed}


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=True)

"""Sign-ins by name and password: how many a second, what of it is argon2, and what refusing a guesser costs."""

import os
import re
import shutil
import statistics
import threading
import time
import urllib.parse

from measure import cpu, span, table
from vireo import Client, Vireo, fresh_dir

ROUNDS = 5
SIGN_INS = 60
REFUSED = 2000
CLIENTS = 4
LOOKED_AT = re.compile(r"a password was looked at.*microseconds=(\d+)|microseconds=(\d+).*a password was looked at")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def sign_in(client, user, password):
    form = urllib.parse.urlencode({"user": user, "password": password, "then": "/"})
    return client.request("POST", "/sign-in", form, FORM)[0]


def several(engine, count, user, password, wanted):
    """Spread over some kept-alive connections."""
    def work():
        client = Client(engine.port)
        for _ in range(count // CLIENTS):
            status = sign_in(client, user, password)
            assert status == wanted, f"a sign-in answered {status}, not {wanted}"

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def rounds(engine, count, user, password, wanted):
    """(per second, CPU ms each) of each round."""
    found = []
    for _ in range(ROUNDS):
        before, begun = cpu([engine.pid]), time.perf_counter()
        several(engine, count, user, password, wanted)
        found.append((count / (time.perf_counter() - begun), (cpu([engine.pid]) - before) / count * 1000))
    return [rate for rate, _ in found], [spent for _, spent in found]


def argon2(engine):
    """Milliseconds that each look at a password took, by the engine's own log."""
    with open(engine.log.name) as log:
        found = [int(one or other) / 1000 for one, other in LOOKED_AT.findall(log.read())]
    return found


def run(binary):
    data = fresh_dir()
    try:
        engine = Vireo(binary, data, ["engine"], {"VIREO_LOG": "warn,vireo::auth::password=debug"})
        password = engine.password()
        good = rounds(engine, SIGN_INS, "admin", password, 303)
        looked = argon2(engine)
        client = Client(engine.port)
        for n in range(20):
            sign_in(client, f"user{n}", "guess")
        refused = rounds(engine, REFUSED, "user", "guess", 429)
        engine.stop()
    finally:
        shutil.rmtree(data)
    print("## Sign-ins\n")
    table(
        ["", "a second (min / median / max)", "CPU ms each"],
        [
            [f"signed in, {CLIENTS} at a time", span(good[0]), span(good[1])],
            ["refused: a guesser beyond his 20 a minute", span(refused[0]), span(refused[1])],
        ],
    )
    each = statistics.median(looked)
    rest = max(0.0, statistics.median(good[1]) - each)
    print(f"argon2 alone takes {each:.1f} ms on one core (median of {len(looked)}); what else a sign-in takes (HTTP, the account, ")
    print(f"the session, the event) is {rest:.1f} ms of CPU, within what argon2 varies by. {os.cpu_count()} cores.\n")

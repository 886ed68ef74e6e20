"""Five hundred people who take a VM at once: each gets one, nobody gets another's, and how long each waits for the answer."""

import os
import re
import statistics
import subprocess
import threading
import time
import urllib.parse

from measure import cpu, memory, table
from vireo import Client, Vireo, clean, fresh_dir

PEOPLE = 500
SINGLY = 20
PASSWORD = "Takes-at-0nce"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HERE = os.path.dirname(os.path.abspath(__file__))
# What a host of libvirt's test driver is said to have.
MEMINFO = "MemTotal:       1073741824 kB\nMemFree:        1073741824 kB\nMemAvailable:   1073741824 kB\n"


def post(client, path, form):
    return client.request("POST", path, urllib.parse.urlencode(form), FORM)


def start(binary, image, data):
    """On libvirt's test driver, whose guests are there without running: 500 real ones do not fit on the machine that measures."""
    shim, host, script = (os.path.join(data, name) for name in ("hosts.so", "meminfo", "start"))
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, os.path.join(HERE, "hosts.c"), "-ldl"], check=True)
    with open(host, "w") as file:
        file.write(MEMINFO)
    with open(script, "w") as file:
        file.write(f'#!/bin/sh\nmount --bind {host} /proc/meminfo\nexport LD_PRELOAD={shim}\nexec {binary} "$@"\n')
    os.chmod(script, 0o755)
    # A mount of its own: nobody else sees that memory.
    wrapper = os.path.join(data, "wrapper")
    with open(wrapper, "w") as file:
        file.write(f'#!/bin/sh\nexec unshare --mount {script} "$@"\n')
    os.chmod(wrapper, 0o755)
    arguments = ["up", "--agent-listen", "127.0.0.1:0", "--libvirt", "test:///default", "--demo", "--demo-image", image]
    server = Vireo(wrapper, data, arguments)
    server.wait_ready()
    return server


def people(server):
    """So many sessions, each of somebody who may take."""
    boss = server.portal()
    everyone = next(g["id"] for g in server.api().json("GET", "/groups")["group"] if g["name"] == "Everyone")
    role = next(r["id"] for r in server.api().json("GET", "/roles")["role"] if r["name"] == "UserRole")
    wanted = {"name": "lab-???", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}, "size": PEOPLE + SINGLY, "max_user_vms": 1}
    pool = server.api().json("POST", "/vmpools", wanted)["id"]
    status = post(boss, "/admin/permissions", {"role": role, "principal": everyone, "kind": "vm_pool", "object": pool})[0]
    assert status == 303, f"the permission was answered with {status}"
    sessions = []
    for n in range(PEOPLE + SINGLY):
        name = f"student{n}"
        boss.reconnect()
        new = {"user_name": name, "password": PASSWORD, "first_name": "", "last_name": "", "email": ""}
        status = post(boss, "/admin/users/new", new)[0]
        assert status == 303, f"a new user was answered with {status}"
        client = Client(server.port)
        status, headers, _ = post(client, "/sign-in", {"user": f"{name}@internal", "password": PASSWORD, "then": "/"})
        assert status == 303, f"a sign-in was answered with {status}"
        client.headers["Cookie"] = headers["Set-Cookie"].split(";")[0]
        client.headers["X-CSRF-Token"] = re.search(r'name="csrf-token" content="([^"]*)"', client.get("/user")[2].decode())[1]
        client.reconnect()
        sessions.append(client)
    return pool, sessions


def take(client, pool):
    status, headers, body = post(client, f"/user/pools/{pool}/take", {})
    assert status == 303, f"taking was answered with {status}: {body[:300]}"
    return re.search(r"/user/vms/([^/]*)/", headers["Location"])[1]


def together(clients, work):
    """Each in its own thread, over a connection that is open already, all at the same moment: (milliseconds, what it gave) of each."""
    barrier = threading.Barrier(len(clients) + 1)
    found, wrong = [], []

    def one(client):
        try:
            client.reconnect()
            client.connection.connect()
            barrier.wait()
            begun = time.perf_counter()
            given = work(client)
            found.append(((time.perf_counter() - begun) * 1000, given))
        except Exception as error:
            wrong.append(error)
            barrier.abort()

    threads = [threading.Thread(target=one, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    barrier.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]
    return found, time.perf_counter() - begun


def percentiles(found):
    times = sorted(ms for ms, _ in found)
    return statistics.median(times), times[int(len(times) * 0.99)]


def run(binary, image):
    data = fresh_dir()
    try:
        server = start(binary, image, data)
        pool, sessions = people(server)
        alone, crowd = sessions[:SINGLY], sessions[SINGLY:]
        singly = []
        for client in alone:
            client.connection.connect()
            begun = time.perf_counter()
            vm = take(client, pool)
            singly.append(((time.perf_counter() - begun) * 1000, vm))
        floor, floor_seconds = together(crowd, lambda client: client.get("/user/preferences")[0])
        assert all(status == 200 for _, status in floor)
        spent = cpu([server.pid])
        taken, seconds = together(crowd, lambda client: take(client, pool))
        spent = cpu([server.pid]) - spent
        vms = [vm for _, vm in taken + singly]
        assert len(set(vms)) == PEOPLE + SINGLY, "two people got the same VM"
        api = server.api()
        begun = time.perf_counter()
        while any(job["status"] == "started" for job in api.json("GET", "/jobs").get("job", [])):
            assert time.perf_counter() < begun + 600, "the VMs do not start"
            time.sleep(0.5)
        running = sum(vm["status"] in ("powering_up", "up") for vm in api.json("GET", "/vms")["vm"])
        started = seconds + time.perf_counter() - begun
        assert running == PEOPLE + SINGLY, f"{running} of {PEOPLE + SINGLY} VMs run"
        rss = memory([server.pid], "Rss") / 1024
        server.stop()
    finally:
        clean(data)
    one, one_worst = percentiles(singly)
    many, worst = percentiles(taken)
    page, page_worst = percentiles(floor)
    print(f"## {PEOPLE} people take at once\n")
    table(
        ["", "p50 ms", "p99 ms", "a second"],
        [
            ["one after the other", f"{one:.1f}", f"{one_worst:.1f}", f"{1000 / one:,.0f}"],
            [f"{PEOPLE} at the same moment", f"{many:,.0f}", f"{worst:,.0f}", f"{PEOPLE / seconds:,.0f}"],
            [f"a page without a write, {PEOPLE} at the same moment", f"{page:,.0f}", f"{page_worst:,.0f}", f"{PEOPLE / floor_seconds:,.0f}"],
            ["… takes slower by a factor of", f"{many / page:.2f}", f"{worst / page_worst:.2f}", f"{seconds / floor_seconds:.2f}"],
        ],
    )
    print(f"{PEOPLE + SINGLY} people have {len(set(vms))} different VMs. {spent / PEOPLE * 1000:.1f} ms of CPU for each take and the beginning of its start;")
    print(f"all VMs run {started:.0f} s after the click (their image files are real); {rss:.0f} MiB then.\n")

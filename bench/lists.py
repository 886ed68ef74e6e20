"""Lists and searches over 10,000 VMs."""

import os
import shutil
import sqlite3
import statistics
import time
import uuid

from measure import cpu, memory, span, table
from vireo import Vireo, fresh_dir

VMS = 10_000
ROUNDS = 7
REQUESTS = 60
SEARCH = "status%3Ddown+and+name%3Dlab-1*+sortby+name"
JSON = {"Accept": "application/json"}
XML = {"Accept": "application/xml"}


def fill(binary, data):
    """Adds one VM by the API, stops the engine, and copies the VM's rows under other ids and names: what is in the database is
    what the store itself wrote, ten thousand times."""
    engine = Vireo(binary, data, ["engine"])
    api = engine.api()
    wanted = {"name": "lab-0", "cluster": {"name": "Default"}, "template": {"name": "Blank"}}
    vm = api.json("POST", "/vms", wanted)["id"]
    for _ in range(600):
        if api.json("GET", f"/vms/{vm}")["status"] == "down":
            break
        time.sleep(0.05)
    engine.stop()
    # What belongs to a VM: the table, the column with the VM's id, and the columns that are each row's own.
    kept = [
        ("vm", "id", []),
        ("vm_run", "vm_id", []),
        ("nic", "vm_id", ["id"]),
        ("object_ancestor", "object_id", []),
        ("permission", "object_id", ["id"]),
    ]
    with sqlite3.connect(os.path.join(data, "vireo.db")) as db:
        db.row_factory = sqlite3.Row
        originals = [(t, own, ids, [dict(r) for r in db.execute(f"select * from {t} where {own} = ?", (vm,))]) for t, own, ids in kept]
        for number in range(1, VMS):
            copy(db, originals, vm, number)
        db.execute("analyze")
    return vm


def copy(db, originals, vm, number):
    fresh = str(uuid.uuid4())
    for name, _, ids, rows in originals:
        for row in rows:
            new = {column: fresh if value == vm else value for column, value in row.items()}
            new.update({column: str(uuid.uuid4()) for column in ids})
            if name == "vm":
                new.update(name=f"lab-{number}", memory_mib=1024 + number % 8 * 512)
            if name == "nic":
                new["mac"] = f"56:6f:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
            marks = ", ".join("?" * len(new))
            db.execute(f"insert into {name} ({', '.join(new)}) values ({marks})", list(new.values()))


def measure(engine):
    """Rounds over all requests in turn, each on its connection; returns rows of figures."""
    portal, api = engine.portal(), engine.api()
    wanted = [
        ("health page (the floor of this client)", portal, "/ovirt-engine/services/health", {}),
        ("Admin Portal: first page of the list", portal, "/admin/vms", {}),
        ("Admin Portal: `status=down and name=lab-1* sortby name`", portal, f"/admin/vms?search={SEARCH}", {}),
        ("Admin Portal: free word `lab-77`", portal, "/admin/vms?search=lab-77", {}),
        ("Admin Portal: sorted by memory, page 100", portal, "/admin/vms?sort=memory&page=100", {}),
        ("Admin Portal: dashboard", portal, "/admin", {}),
        ("REST, 100 VMs, JSON", api, "/ovirt-engine/api/vms?max=100", JSON),
        ("REST, 100 VMs, XML", api, "/ovirt-engine/api/vms?max=100", XML),
        ("REST, same search, JSON", api, f"/ovirt-engine/api/vms?max=100&search={SEARCH}", JSON),
    ]
    times, spent, sizes = {}, {}, {}
    for _ in range(ROUNDS):
        for name, client, path, accept in wanted:
            taken = []
            client.reconnect()
            client.request("GET", path, None, accept)
            before = cpu([engine.pid])
            for _ in range(REQUESTS):
                begun = time.perf_counter()
                status, _, body = client.request("GET", path, None, accept)
                taken.append(time.perf_counter() - begun)
                assert status == 200, f"{path} answered {status}"
            spent.setdefault(name, []).append((cpu([engine.pid]) - before) / REQUESTS * 1000)
            times.setdefault(name, []).append(statistics.median(taken) * 1000)
            sizes[name] = len(body)
    return [[name, span(times[name]), span(spent[name]), f"{sizes[name] / 1024:,.1f}"] for name, *_ in wanted]


def run(binary):
    data = fresh_dir()
    try:
        fill(binary, data)
        engine = Vireo(binary, data, ["engine"])
        start, rss = engine.seconds_to_health, memory([engine.pid], "Rss") / 1024
        rows = measure(engine)
        after = memory([engine.pid], "Rss") / 1024
        engine.stop()
    finally:
        shutil.rmtree(data)
    print(f"## Lists over {VMS:,} VMs\n")
    table(["request", "ms (min / median / max)", "CPU ms", "KiB"], rows)
    print(f"Started with {VMS:,} VMs in {start:.2f} s with {rss:.1f} MiB; {after:.1f} MiB after all these requests.\n")

"""A pool of a thousand VMs: made, taken from, removed."""

import os
import time

from measure import cpu, memory, span, table
from vireo import Vireo, clean, fresh_dir

VMS = 1000
ROUNDS = 3
TAKES = 15


def used(folder):
    """KiB that files take on the disk."""
    total = 0
    for place, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(place, name)).st_blocks for name in names)
    return total / 2


def ended(api, kind):
    """Until no task is at work."""
    while any(job["status"] == "started" for job in api.json("GET", "/jobs").get("job", [])):
        time.sleep(0.02)
    last = api.json("GET", "/jobs")["job"][0]
    assert last["status"] == "finished", f"{kind}: {last}"


def one_round(server, api, number, figures):
    storage, database = os.path.join(server.data, "storage"), os.path.join(server.data, "vireo.db")
    before, rows = used(storage), os.path.getsize(database)
    spent, begun = cpu([server.pid]), time.perf_counter()
    wanted = {"name": f"many-{number}", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}, "size": VMS, "max_user_vms": VMS}
    pool = api.json("POST", "/vmpools", wanted)["id"]
    figures["answer"].append(time.perf_counter() - begun)
    ended(api, "create")
    figures["made"].append(time.perf_counter() - begun)
    figures["cpu"].append(cpu([server.pid]) - spent)
    figures["storage"].append(used(storage) - before)
    figures["database"].append(max(0, os.path.getsize(database) - rows) / 1024)
    taken = []
    for _ in range(TAKES if number == 0 else 0):
        begun = time.perf_counter()
        taken.append(api.json("POST", f"/vmpools/{pool}/allocatevm", {})["vm"]["id"])
        figures["take"].append((time.perf_counter() - begun) * 1000)
    for vm in taken:
        while api.json("GET", f"/vms/{vm}")["status"] == "wait_for_launch":
            time.sleep(0.2)
        api.json("POST", f"/vms/{vm}/stop", {})
    while any(job["status"] == "started" for job in api.json("GET", "/jobs").get("job", [])):
        time.sleep(0.1)
    begun = time.perf_counter()
    api.json("DELETE", f"/vmpools/{pool}")
    ended(api, "remove")
    figures["removed"].append(time.perf_counter() - begun)


def run(binary, image):
    data = fresh_dir()
    figures = {name: [] for name in ("answer", "made", "cpu", "storage", "database", "take", "removed")}
    try:
        server = Vireo(binary, data, ["up", "--agent-listen", "127.0.0.1:0", "--demo", "--demo-image", image])
        server.wait_ready()
        api = server.api()
        for number in range(ROUNDS):
            one_round(server, api, number, figures)
        rss = memory([server.pid], "Rss") / 1024
        server.stop()
    finally:
        clean(data)
    print(f"## A pool of {VMS:,} VMs\n")
    rows = [
        ["created: answer, s", span(figures["answer"])],
        ["created: all VMs there, s", span(figures["made"])],
        ["… CPU s", span(figures["cpu"])],
        ["… KiB of image files", span(figures["storage"], 0)],
        ["… KiB the database grew by", span(figures["database"], 0)],
        [f"one of {TAKES} VMs taken: answer, ms", span(figures["take"])],
        ["removed, s", span(figures["removed"])],
    ]
    table(["", "min / median / max"], rows)
    print(f"{rss:.1f} MiB after all of it.\n")

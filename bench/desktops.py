"""From the click on Take to the desktop: a VM that runs ahead, one that goes on from a saved memory, one that boots."""

import re
import struct
import time
import urllib.parse

from channel import Channel, frame
from measure import span, table
from vireo import Vireo, clean, fresh_dir

ROUNDS = 5
POOL = {"name": "desktops", "description": "", "comment": "", "size": "5", "max_user_vms": "1", "surplus": "remove"}
WAYS = [
    ("runs ahead", {"prestarted": "2"}),
    ("from memory", {"prestarted": "0", "instant_start": "1"}),
    ("boots", {"prestarted": "0"}),
]


class Screen:
    """A VNC client (RFC 6143) that looks at one picture."""

    def __init__(self, channel):
        self.channel, self.bytes = channel, b""

    def read(self, count):
        socket = self.channel.socket
        while len(self.bytes) < count:
            head = self.exactly(2)
            size = head[1] & 127
            if size == 126:
                size = struct.unpack("!H", self.exactly(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", self.exactly(8))[0]
            payload = self.exactly(size)
            if head[0] & 15 == 9:
                socket.sendall(frame(payload).replace(b"\x82", b"\x8a", 1))
            elif head[0] & 15 in (0, 2):
                self.bytes += payload
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def exactly(self, count):
        found = b""
        while len(found) < count:
            more = self.channel.socket.recv(count - len(found))
            if not more:
                raise ConnectionError("the console was closed")
            found += more
        return found

    def send(self, payload):
        self.channel.socket.sendall(frame(payload))

    def picture(self):
        """Until the first one is there."""
        self.send(self.read(12))
        kinds = self.read(self.read(1)[0])
        assert 1 in kinds, f"no way in without a password: {kinds}"
        self.send(b"\x01")
        assert self.read(4) == b"\0\0\0\0"
        self.send(b"\x01")
        width, height = struct.unpack("!HH", self.read(4))
        self.read(16)
        self.read(struct.unpack("!I", self.read(4))[0])
        self.send(struct.pack("!BBHHHH", 3, 0, 0, 0, width, height))
        while self.read(1)[0] != 0:
            pass


def ticket(portal, vm, until):
    while time.perf_counter() < until:
        status, _, body = portal.request("POST", f"/console/{vm}/ticket", "")
        if status == 200:
            return re.search(r'"ticket":"([^"]*)"', body.decode())[1]
        time.sleep(0.01)
    raise SystemExit(f"VM {vm} gives no ticket")


def click(vireo, portal, api, pool):
    """Seconds to the answer, to the first picture, and to the desktop: its guest agent answers."""
    portal.reconnect()
    api.reconnect()
    begun = time.perf_counter()
    status, headers, _ = portal.request("POST", f"/user/pools/{pool}/take", urllib.parse.urlencode({}), {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 303, f"taking was answered with {status}"
    vm = re.search(r"/user/vms/([^/]*)/", headers["Location"])[1]
    answer = time.perf_counter() - begun
    screen = None
    while screen is None:
        try:
            opened = Channel(vireo.port, f"/console/{vm}?ticket={ticket(portal, vm, begun + 120)}")
            screen = Screen(opened)
            screen.picture()
        except ConnectionError:
            screen = None
            time.sleep(0.02)
    first = time.perf_counter() - begun
    while api.json("GET", f"/vms/{vm}")["status"] != "up":
        time.sleep(0.02)
    desktop = time.perf_counter() - begun
    opened.socket.close()
    return vm, answer, first, desktop


def give_back(api, vm):
    api.reconnect()
    api.json("POST", f"/vms/{vm}/stop", {})
    while True:
        taken = api.json("GET", f"/vms/{vm}")
        busy = any(job["status"] == "started" for job in api.json("GET", "/jobs").get("job", []))
        if taken["status"] == "down" and not busy:
            return
        time.sleep(0.1)


def prepare(boss, api, pool, way):
    """Until as much runs ahead as the pool promises, or its memory is saved."""
    boss.reconnect()
    api.reconnect()
    form = urllib.parse.urlencode({**POOL, **way})
    status, _, _ = boss.request("POST", f"/admin/pools/{pool}/edit", form, {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 303, f"editing the pool was answered with {status}"
    # What ran ahead for the way before is no VM of this one.
    for vm in api.json("GET", "/vms?search=pool%3Ddesktops")["vm"]:
        if vm["status"] == "up" and way["prestarted"] == "0":
            give_back(api, vm["id"])
    wait(boss, api, pool, way)


def wait(boss, api, pool, way):
    for _ in range(1200):
        boss.reconnect()
        api.reconnect()
        up = [vm for vm in api.json("GET", "/vms?search=pool%3Ddesktops")["vm"] if vm["status"] == "up"]
        ready = "instant_start" not in way or "go on from a memory of" in boss.get(f"/admin/pools/{pool}")[2].decode()
        if ready and len(up) >= int(way["prestarted"]):
            return
        time.sleep(0.25)
    raise SystemExit(f"the pool does not become {way}")


def run(binary, image):
    data = fresh_dir()
    figures = {name: {"answer": [], "picture": [], "desktop": []} for name, _ in WAYS}
    vireo = None
    try:
        vireo = Vireo(binary, data, ["up", "--agent-listen", "127.0.0.1:0", "--demo", "--demo-image", image])
        vireo.wait_ready()
        api, boss, portal = vireo.api(), vireo.portal(), vireo.portal("alice")
        pool = api.json("GET", "/vmpools")["vm_pool"][0]["id"]
        for name, way in WAYS:
            prepare(boss, api, pool, way)
            for _ in range(ROUNDS):
                wait(boss, api, pool, way)
                time.sleep(3)
                vm, *seconds = click(vireo, portal, api, pool)
                for what, value in zip(("answer", "picture", "desktop"), seconds):
                    figures[name][what].append(value)
                give_back(api, vm)
    finally:
        if vireo:
            vireo.stop()
        clean(data)
    print("## From the click to the desktop\n")
    rows = []
    for what, label in (("answer", "answer, s"), ("picture", "first picture of the screen, s"), ("desktop", "desktop (the guest's agent answers), s")):
        rows.append([label, *(span(figures[name][what]) for name, _ in WAYS)])
    table(["", *(name for name, _ in WAYS)], rows)

"""Consoles: the way from a browser to a guest's display, through Vireo and through others, by turns in one run."""

import os
import subprocess
import sys
import time

from channel import Channel
from measure import cpu, memory, span, table, tree
from vireo import Vireo, clean, free_port, fresh_dir

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 5
VOLUME = 256 << 20
ECHOES = 3000
IDLE = 500
SETTLE = 2


class Peer:
    """A proxy made of one process or several."""

    def __init__(self, name, port, path, processes):
        self.name, self.port, self.path, self.processes = name, port, path, processes
        self.figures = {}

    def pids(self):
        return [pid for process in self.processes for pid in tree(process.pid)]

    def open(self):
        return Channel(self.port, self.path)

    def note(self, what, value):
        self.figures.setdefault(what, []).append(value)

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(10)


class VireoPeer(Peer):
    """Engine and agent in one process; a ticket for every console."""

    def __init__(self, vireo, vm):
        super().__init__("Vireo", vireo.port, None, [])
        self.vireo, self.vm, self.portal = vireo, vm, vireo.portal()

    def pids(self):
        return [self.vireo.pid]

    def open(self):
        self.portal.reconnect()
        status, _, body = self.portal.request("POST", f"/console/{self.vm}/ticket", "")
        assert status == 200, f"a ticket was refused with {status}"
        ticket = body.decode().split('"ticket":"')[1].split('"')[0]
        return Channel(self.port, f"/console/{self.vm}?ticket={ticket}")


def start(*command, **more):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def others(data, display):
    """websockify and socat before the same display. They have one hop, from the browser's TLS to the UNIX socket; Vireo has two: TLS
    from the browser to the engine, TLS from the engine to the host, a UNIX socket there."""
    certificate, key = os.path.join(data, "bench.pem"), os.path.join(data, "bench-key.pem")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*make, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    near, plain = free_port(), free_port()
    websockify = [sys.executable, "-m", "websockify", f"--cert={certificate}", f"--key={key}", "--heartbeat=0"]

    def socat(port):
        listen = f"OPENSSL-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=1024,nodelay,verify=0,cert={certificate},key={key}"
        return start("socat", "-b65536", listen, f"UNIX-CONNECT:{display}")

    peers = [
        Peer("websockify", near, "/", [start(*websockify, f"--unix-target={display}", f"127.0.0.1:{near}")]),
        Peer("socat (no WebSocket)", plain, None, [socat(plain)]),
    ]
    time.sleep(2)
    return peers


def carry(peer):
    """Throughput and what it costs, then round trips; on one console."""
    channel = peer.open()
    channel.down(4 << 20)
    for what, work in (("down", channel.down), ("up", channel.up)):
        before = cpu(peer.pids())
        seconds = work(VOLUME)
        peer.note(f"{what} MB/s", VOLUME / 1e6 / seconds)
        peer.note(f"{what} CPU", (cpu(peer.pids()) - before) / (VOLUME / 1e9))
    taken = channel.echo(ECHOES)
    peer.note("p50", taken[len(taken) // 2] * 1e6)
    peer.note("p99", taken[len(taken) * 99 // 100] * 1e6)
    channel.close()


def idle(peer):
    """Memory of a console that was used (a screenful came, a key went) and is idle now."""
    time.sleep(SETTLE)
    before = memory(peer.pids())
    channels = []
    for _ in range(IDLE):
        channel = peer.open()
        channel.down(1 << 20)
        channel.echo(1)
        channels.append(channel)
    time.sleep(SETTLE)
    pids = peer.pids()
    peer.note("KiB", (memory(pids) - before) / IDLE)
    begun = cpu(pids)
    time.sleep(5)
    peer.note("idle CPU", (cpu(pids) - begun) / 5 * 100)
    peer.note("processes", len(pids))
    for channel in channels:
        channel.close()
    time.sleep(SETTLE)


def start_vm(vireo):
    """One of the demo's desktops, up and at rest."""
    api = vireo.api()
    vm = api.json("GET", "/vms?search=pool%3Ddesktops")["vm"][0]["id"]
    api.json("POST", f"/vms/{vm}/start", {})
    for _ in range(1200):
        if api.json("GET", f"/vms/{vm}")["status"] == "up":
            break
        time.sleep(0.1)
    time.sleep(5)
    return vm


def report(peers):
    print("## Consoles\n")
    names = [peer.name for peer in peers]
    vireo = peers[0].figures
    rows = []
    for what, digits in (("down MB/s", 0), ("up MB/s", 0), ("down CPU", 2), ("up CPU", 2), ("p50", 0), ("p99", 0)):
        label = {"down CPU": "down, CPU s/GB", "up CPU": "up, CPU s/GB", "p50": "echo p50 µs", "p99": "echo p99 µs"}.get(what, what)
        rows.append([label, *(span(peer.figures[what], digits) for peer in peers)])
        # Pairs of one round; above 1 Vireo is better.
        better = (lambda a, b: a / b) if "MB/s" in what else (lambda a, b: b / a)
        ratios = [span([better(a, b) for a, b in zip(vireo[what], peer.figures[what])], 2) for peer in peers[1:]]
        rows.append(["… Vireo better by a factor of", "", *ratios])
    for what, digits in (("KiB", 1), ("processes", 0), ("idle CPU", 1)):
        label = {"KiB": f"KiB per idle console of {IDLE}", "processes": "processes then", "idle CPU": "their CPU %"}[what]
        rows.append([label, *(f"{peer.figures[what][0]:,.{digits}f}" for peer in peers)])
    table(["", *names], rows)


def run(binary, image):
    data = fresh_dir()
    started, vireo = [], None
    try:
        display, shim = os.path.join(data, "display"), os.path.join(data, "display.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, os.path.join(HERE, "display.c")], check=True)
        backend = start(sys.executable, os.path.join(HERE, "display.py"), display)
        started.append(Peer("display", 0, None, [backend]))
        arguments = ["up", "--agent-listen", "127.0.0.1:0", "--demo", "--demo-image", image]
        vireo = Vireo(binary, data, arguments, {"LD_PRELOAD": shim, "BENCH_DISPLAY": display})
        vireo.wait_ready()
        peers = [VireoPeer(vireo, start_vm(vireo))]
        started += others(data, display)
        peers += started[1:]
        for _ in range(ROUNDS):
            for peer in peers:
                print(f"carrying through {peer.name}", file=sys.stderr)
                carry(peer)
        for peer in peers:
            print(f"idle consoles of {peer.name}", file=sys.stderr)
            idle(peer)
        report(peers)
    finally:
        for peer in started:
            peer.stop()
        if vireo:
            vireo.stop()
        clean(data)

"""Vireo as the benchmarks start it: on a port and in a data folder of its own; nothing of it is left behind."""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import uuid

from channel import CONTEXT


def fresh_dir():
    """A short name: the path of a socket has 107 bytes at most."""
    path = f"/tmp/v{uuid.uuid4().hex[:8]}"
    os.mkdir(path)
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Vireo:
    """A running `vireo engine` or `vireo up`."""

    def __init__(self, binary, data, arguments, environment=None):
        self.data, self.port = data, free_port()
        command = [binary, arguments[0], "--data", data, "--listen", f"127.0.0.1:{self.port}", *arguments[1:]]
        self.log = open(os.path.join(data, "bench.log"), "a")
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})}
        )
        self.seconds_to_health = self.wait_healthy(begun)

    @property
    def pid(self):
        return self.process.pid

    def wait_healthy(self, begun):
        while time.perf_counter() < begun + 120:
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port)):
                    pass
                client = Client(self.port)
                if client.get("/ovirt-engine/services/health")[0] == 200:
                    return time.perf_counter() - begun
            except OSError:
                time.sleep(0.002)
        raise SystemExit(f"vireo does not become healthy; see {self.log.name}")

    def wait_ready(self):
        """Until the host is up and the demo is there."""
        for _ in range(1200):
            with open(self.log.name) as log:
                if "Ready" in log.read():
                    return
            time.sleep(0.1)
        raise SystemExit(f"vireo does not become ready; see {self.log.name}")

    def password(self, name="admin"):
        with open(os.path.join(self.data, f"{name}-password")) as file:
            return file.read().strip()

    def api(self):
        secret = base64.b64encode(f"admin@internal:{self.password()}".encode()).decode()
        return Client(self.port, {"Authorization": f"Basic {secret}"})

    def portal(self, name="admin"):
        """Signed in through the form, as a browser is."""
        client = Client(self.port)
        form = urllib.parse.urlencode({"user": f"{name}@internal", "password": self.password(name), "then": "/"})
        status, headers, _ = client.request("POST", "/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 303, f"sign-in answered {status}"
        client.headers["Cookie"] = headers["Set-Cookie"].split(";")[0]
        page = client.get("/user")[2].decode()
        client.headers["X-CSRF-Token"] = re.search(r'name="csrf-token" content="([^"]*)"', page)[1]
        return client

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


class Client:
    """One kept-alive HTTPS connection."""

    def __init__(self, port, headers=None):
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, context=CONTEXT, timeout=60)
        self.headers = headers or {}

    def reconnect(self):
        """The server closes what was silent for some seconds; the next request opens a fresh connection."""
        self.connection.close()

    def request(self, method, path, body=None, headers=None):
        if self.connection.sock is None:
            self.connection.connect()
        self.connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, path, **headers):
        return self.request("GET", path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    def json(self, method, path, document=None):
        kind = {"Accept": "application/json", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document)
        status, _, text = self.request(method, f"/ovirt-engine/api{path}", body, kind)
        assert status < 300, f"{method} {path} answered {status}: {text[:300]}"
        return json.loads(text) if text else None


def clean(data):
    """Ends libvirtd and guests of this data folder, by their mounts and command lines, and removes it."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().decode(errors="replace")
            with open(f"/proc/{entry}/mountinfo") as file:
                mounts = file.read()
        except OSError:
            continue
        known = any(word in line for word in ("qemu", "dnsmasq", "libvirt"))
        if int(entry) != os.getpid() and (data in line or (f"{data}/libvirt" in mounts and known)):
            os.kill(int(entry), signal.SIGKILL)
    time.sleep(0.2)
    shutil.rmtree(data, ignore_errors=True)

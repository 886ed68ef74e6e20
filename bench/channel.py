"""The browser's end of a console: TLS to the proxy, WebSocket frames in it (socat: none)."""

import os
import socket
import ssl
import struct
import time

# What a browser sends at once when it sends much; what is received at once.
PIECE = 64 * 1024


def trusting():
    """Every proxy has a certificate of its own here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


CONTEXT = trusting()


def frame(payload):
    """A client's frame. The mask may be any; this one spares the client work, the proxy unmasks all the same."""
    mask = b"\x5a\xc3\x96\x1f"
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x82, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x82, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x82, 0xFF, size)
    pad = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ pad).to_bytes(size, "big")


class Channel:
    """`path` None: no WebSocket, only TLS."""

    def __init__(self, port, path):
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = CONTEXT.wrap_socket(plain, server_hostname="localhost")
        self.websocket = path is not None
        self.left = 0
        self.head = b""
        self.buffer = bytearray(PIECE)
        self.piece = self.wrap(os.urandom(PIECE))
        if self.websocket:
            self.upgrade(path)

    def upgrade(self, path):
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: binary\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError(f"{path}: closed after {head!r}")
            head += byte
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(f"{path}: {head!r}")

    def wrap(self, payload):
        return frame(payload) if self.websocket else payload

    def command(self, what, count, more=b""):
        self.socket.sendall(self.wrap(struct.pack("!cQ", what, count) + more))

    def receive(self, count):
        """Takes so many bytes of payload."""
        while count > 0:
            size = self.socket.recv_into(self.buffer)
            if not size:
                raise ConnectionError("the proxy closed the console")
            count -= self.payload(size) if self.websocket else size

    def payload(self, size):
        """How many of the buffer's bytes are payload; walks the frames."""
        at, found = 0, 0
        while at < size:
            if self.left:
                take = min(self.left, size - at)
                self.left -= take
                found += take
                at += take
                continue
            self.head += self.buffer[at : at + 1]
            at += 1
            have = len(self.head)
            if have >= 2:
                short = self.head[1]
                need = 2 + {126: 2, 127: 8}.get(short, 0)
                if have == need:
                    if self.head[0] & 0x0F != 2:
                        raise ConnectionError(f"a frame of another kind: {self.head!r}")
                    self.left = int.from_bytes(self.head[2:], "big") if need > 2 else short
                    self.head = b""
        return found

    def down(self, count):
        begun = time.perf_counter()
        self.command(b"d", count)
        self.receive(count)
        return time.perf_counter() - begun

    def up(self, count):
        pieces = count // PIECE
        begun = time.perf_counter()
        self.command(b"u", pieces * PIECE)
        for _ in range(pieces):
            self.socket.sendall(self.piece)
        self.receive(1)
        return time.perf_counter() - begun

    def echo(self, times):
        """Round trips of 16 bytes in seconds, sorted."""
        message = self.wrap(struct.pack("!cQ", b"e", 7) + b"keypres")
        taken = []
        for _ in range(times):
            begun = time.perf_counter()
            self.socket.sendall(message)
            self.receive(7)
            taken.append(time.perf_counter() - begun)
        return sorted(taken)

    def close(self):
        self.socket.close()

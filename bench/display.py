"""A display that does what it is told: `display.py SOCKET`. Commands of nine bytes (a letter and a length) come from the client:
d: send so many bytes; u: take so many, then say so with one byte; e: send the next so many back."""

import os
import socket
import struct
import sys
import threading

PIECE = bytes(os.urandom(256 * 1024))


def exactly(connection, count):
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got


def serve(connection):
    scratch = bytearray(256 * 1024)
    try:
        while True:
            what, count = struct.unpack("!cQ", exactly(connection, 9))
            if what == b"d":
                while count:
                    part = min(count, len(PIECE))
                    connection.sendall(PIECE[:part] if part < len(PIECE) else PIECE)
                    count -= part
            elif what == b"u":
                while count:
                    got = connection.recv_into(scratch, min(count, len(scratch)))
                    if not got:
                        return
                    count -= got
                connection.sendall(b"k")
            else:
                connection.sendall(exactly(connection, count))
    except OSError:
        pass
    finally:
        connection.close()


def main():
    threading.stack_size(128 * 1024)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(1024)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


main()

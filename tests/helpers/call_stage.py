"""What Bash runs in place of `boxsup`: it lets the process of `helpers.stages` do it, and ends as that ends."""

import json
import os
import socket
import sys


def call(address: str, words: list[str]) -> int:
    """Run a stage with this process's folder, environment and streams: its exit status."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        told = json.dumps([words, os.getcwd(), dict(os.environ)]).encode() + b"\n"
        sent = socket.send_fds(server, [told], [0, 1, 2])
        server.sendall(told[sent:])
        return int(server.recv(16) or b"1")  # nothing: the process that waited for the stage was killed


if __name__ == "__main__":
    status = call(sys.argv[1], sys.argv[2:])
    if status < 0:  # a signal ended it
        os.kill(os.getpid(), -status)
    sys.exit(status)

"""How long a start takes and what the engine needs then."""

import shutil
import time

from measure import memory, span, table
from vireo import Vireo, clean, fresh_dir

TIMES = 7


def first_and_later(binary, arguments):
    first, later, rss = [], [], []
    for _ in range(3):
        data = fresh_dir()
        try:
            for number in range(TIMES):
                server = Vireo(binary, data, arguments)
                (later if number else first).append(server.seconds_to_health)
                time.sleep(0.5)
                rss.append(memory([server.pid], "Rss") / 1024)
                server.stop()
        finally:
            clean(data) if arguments[0] == "up" else shutil.rmtree(data)
    return [span(first), span(later), span(rss, 1)]


def run(binary):
    print("## Start\n")
    rows = [
        ["`vireo engine`", *first_and_later(binary, ["engine"])],
        ["`vireo up`", *first_and_later(binary, ["up", "--agent-listen", "127.0.0.1:0"])],
    ]
    table(["", "first start, s until healthy (min / median / max)", "later starts, s", "RSS, MiB"], rows)

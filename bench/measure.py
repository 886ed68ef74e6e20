"""What processes use, and how figures are summed up."""

import os
import statistics

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()


def tree(pid):
    """The process and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(stat(entry)[1]), []).append(int(entry))
            except OSError:
                pass
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu(pids):
    """Seconds of processor time of these, their children and those that ended."""
    total = 0
    for pid in pids:
        try:
            total += sum(int(n) for n in stat(pid)[11:15])
        except OSError:
            pass
    return total / TICK


def memory(pids, key="Pss"):
    """KiB; what is shared is counted by parts."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(key + ":"))
        except OSError:
            pass
    return total


def span(values, digits=2):
    """min / median / max"""
    return " / ".join(f"{v:,.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    print("\n".join(lines) + "\n", flush=True)

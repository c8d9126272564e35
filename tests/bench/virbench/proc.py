# SPDX-License-Identifier: Apache-2.0
"""What a process has used, from /proc."""
import os
import pathlib

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
UTIME, STIME = 11, 12           # places in /proc/PID/stat behind the name


def cpu_s(pid):
    """CPU seconds of all its threads, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[UTIME]) + int(fields[STIME])) * TICK_S


def peak_kib(pid):
    """The most memory it ever had resident (VmHWM)."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError(f"no VmHWM in /proc/{pid}/status")

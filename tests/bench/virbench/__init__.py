# SPDX-License-Identifier: Apache-2.0
"""What virald costs.

    parts.py        the programs, the broker, a Redis and a daemon for one run
    proc.py         what a process has used, from /proc
    redisstat.py    what Redis was told, from INFO
    topic.py        topics full of generated events
    catchup.py      the floor and the daemon, from the beginning of a topic to its end
    latency.py      from append to visible, from crossing to alert, at a given rate
    report.py       medians, the table, the check
"""

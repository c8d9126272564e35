# SPDX-License-Identifier: Apache-2.0
"""The independent oracle: folds a topic as deploy/redis/CONTRACT.md says, and compares Redis with it.

Written from the public texts (the contract and the design), never from the C code. Naive on purpose:
plain dicts, sums over buckets, exact sets; so slow that it can hardly be wrong in the same way.

    wire.decode(value, headers)      bytes -> Event | Refused | None (tombstone)
    fold.Partition(...).record(...)  one record after the other, in the order of the log
    rules.load(texts)                rule files -> [Rule]
    compare.compare(...)             every key that Redis shows, against the folds
    check_topic                      all of it on a real topic, as a command
"""

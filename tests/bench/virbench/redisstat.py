# SPDX-License-Identifier: Apache-2.0
"""What Redis was told, without what the benchmark itself asked."""


class RedisStat:
    """Counts of Redis from now on. ask() is the benchmark's own way of asking: its commands and bytes are taken off."""

    def __init__(self, client):
        self._client = client
        self._own_bytes = 0
        self._own_calls = {}
        self._client.config_resetstat()
        self._first_bytes = self._client.info("stats")["total_net_input_bytes"]

    def ask(self, commands):
        """Send the commands in one go, without a transaction; their answers, None where one is an error."""
        pipe = self._client.pipeline(transaction=False)
        for command in commands:
            name = command[0].lower()
            self._own_calls[name] = self._own_calls.get(name, 0) + 1
            self._own_bytes += sum(len(f"${len(str(word))}\r\n{word}\r\n") for word in command) + len(f"*{len(command)}\r\n")
            pipe.execute_command(*command)
        answers = pipe.execute(raise_on_error=False)
        return [None if isinstance(answer, Exception) else answer for answer in answers]

    def read(self):
        """{"commands", "bytes", "by_command": {name: {"calls", "us"}}}; "us" is Redis's own count of time in it."""
        stats = self._client.info("commandstats")
        calls = {}
        for key, value in stats.items():
            name = key.removeprefix("cmdstat_")
            count = value["calls"] - self._own_calls.get(name, 0)
            if count > 0 and name not in ("info", "config|resetstat"):
                calls[name] = {"calls": count, "us": value["usec"]}
        total = self._client.info("stats")["total_net_input_bytes"] - self._first_bytes
        return {"commands": sum(one["calls"] for one in calls.values()), "bytes": total - self._own_bytes, "by_command": calls}

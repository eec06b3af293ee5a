"""Processes that share a store: each does what it is told, a JSON array a line, and answers in JSON.

This module is run once, as their parent: for each line of its standard input, the store and the
settings of a source, it forks one which connects to the socket that its argument names. They are
begun that way since importing takes most of a process's start.
"""

import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import filelock  # noqa: F401 - imported here, once for all
import redis  # noqa: F401
import requests

from bitquery_auth import ClientCredentials, FileTokenStore, RedisTokenStore, RequestsAuth, Token, TokenStore

_KINDS: dict[str, Callable[[str], TokenStore]] = {
    "file": FileTokenStore,
    "redis": lambda url: RedisTokenStore(url.rpartition("#")[0], prefix=url.rpartition("#")[2]),
}


class Worker:
    """What a line can ask for."""

    def __init__(self, spec: dict[str, Any], answers: TextIO) -> None:
        self._spec = spec
        self._answers = answers
        self._log: list[str] = []
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self._log.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("bitquery_auth").addHandler(handler)
        self._make()

    def answer(self, value: object) -> None:
        self._answers.write(json.dumps(value) + "\n")
        self._answers.flush()

    def warnings(self) -> list[str]:
        return self._log

    def pid(self) -> int:
        return os.getpid()

    def _make(self) -> None:
        kind, where = self._spec["store"]
        self.store = _KINDS[kind](where)
        self.source = ClientCredentials(store=self.store, **self._spec["source"])

    def token(self) -> str:
        return self.source.token().access_token

    def renew(self) -> str:
        return self.source.renew().access_token

    def post(self, url: str, host: str) -> int:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = RequestsAuth(self.source, allowed_hosts=(host,))
            return session.post(url, json={"query": "{ x }"}, timeout=20).status_code

    def herd(self, count: int) -> list[str]:
        """Fork processes which, once all are there, each ask their own source for a token at the same moment."""
        results, done = os.pipe()
        waiting, go = os.pipe()
        for _ in range(count):
            if os.fork() == 0:
                os.close(go)
                os.close(results)
                self._make()
                os.write(done, b"ready\n")
                os.read(waiting, 1)  # until the parent lets go of its end
                os.write(done, f"{self.token()}\n".encode())
                os._exit(0)
        os.close(done)
        os.close(waiting)
        with os.fdopen(results) as lines:
            for _ in range(count):
                lines.readline()
            os.close(go)
            return lines.read().split()

    def set(self, key: str, access_token: str) -> None:
        self.store.set(key, Token(access_token))

    def stop_before_the_file_is_in_place(self, key: str, access_token: str) -> None:
        def told_and_waiting(*_: object) -> None:
            self.answer("written")
            signal.pause()

        Path.replace = told_and_waiting  # type: ignore[method-assign,assignment]
        self.set(key, access_token)

    def write_without_end(self, key: str) -> None:
        self.answer("writing")
        letter = 0
        while True:
            letter = (letter + 1) % 26
            self.set(key, chr(ord("a") + letter) * 8000)

    def hold(self, key: str, seconds: float) -> None:
        with self.store.lock(key, seconds):
            self.answer("held")
            time.sleep(seconds)

    def fill_the_disk(self) -> None:
        """Let no file grow."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def work(spec: dict[str, Any], address: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        with connection.makefile("r") as lines, connection.makefile("w") as answers:
            worker = Worker(spec, answers)
            for line in lines:
                method, *arguments = json.loads(line)
                worker.answer(getattr(worker, method)(*arguments))


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for order in sys.stdin:
        if os.fork() == 0:
            sys.stdin.close()
            work(json.loads(order), sys.argv[1])
            os._exit(0)

"""What the server does during a soak, drawn at random, with a log by which callers are judged."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._api import bearer_token

INTERRUPT = signal.SIGUSR1
CALL = "X-Call"
"""The header in which a call carries its number."""


@dataclass(frozen=True)
class Asked:
    """A request to the token endpoint.

    Args:
        at: When it came.
        answered: When it was answered.
        life: What `expires_in` said; None: it failed.
    """

    at: float
    answered: float
    life: int | None


class RecordingSandbox(Sandbox):
    """A sandbox that notes what the model needs, and nothing that grows with successes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._records = deque(maxlen=100)
        self.asked: list[Asked] = []
        self.revocations: list[float] = []
        self.refusing: list[tuple[float, float]] = []
        self.freezes: list[tuple[float, float]] = []
        self.interrupts: list[float] = []
        self.revoked: set[str] = set()
        self.refused: dict[str, list[str | None]] = {}

    def _at_token_endpoint(self, request: Any, pause: Any) -> Any:
        at, lifetime = time.monotonic(), self.lifetime
        answer = super()._at_token_endpoint(request, pause)
        good = answer is not None and answer.status == 200
        self.asked.append(Asked(at, time.monotonic(), int(lifetime) - 1 if good else None))
        return answer

    def _at_api(self, request: Any) -> Any:
        answer = super()._at_api(request)
        if answer is not None and answer.status == 401:
            with self._lock:
                self.refused.setdefault(request.headers[CALL], []).append(bearer_token(request))
        return answer

    def revoke_everything(self) -> None:
        """Revoke every token there is, and note which those are."""
        with self._tokens._lock:
            self.revoked |= self._tokens._tokens.keys()
            self._tokens._tokens.clear()
            self.revocations.append(time.monotonic())

    def refuse_everything(self, seconds: float, stop: threading.Event) -> None:
        """Answer 401 for a while whatever the token."""
        began = time.monotonic()
        self.accept_nothing = True
        stop.wait(seconds)
        self.accept_nothing = False
        self.refusing.append((began, time.monotonic()))

    def freeze(self, seconds: float) -> None:
        """Stop this process, callers and server alike, for a while; a child lets it go on."""
        began = time.monotonic()
        script = "kill -STOP $0; sleep $1; kill -CONT $0"
        subprocess.run(["sh", "-c", script, str(os.getpid()), str(seconds)], check=True)
        self.freezes.append((began, time.monotonic()))

    def interrupt(self) -> None:
        """Have a signal handler run in the main thread, which may be in the middle of a call."""
        self.interrupts.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)


def change(sandbox: RecordingSandbox, dice: random.Random, stop: threading.Event) -> None:
    """Let one thing after another befall the server until it is told to stop, and leave it well."""
    while not stop.is_set():
        # Of the lifetimes, the server announces a second less. A token of 2 s does not outlive a
        # short outage, one of 6 s does.
        sandbox.lifetime = dice.choice([3, 3, 3, 7])
        match dice.choice(
            [
                "calm",
                "revocation",
                "revocation",
                "outage",
                "outage",
                "long outage",
                "401",
                "slowness",
                "freeze",
                "interrupts",
            ]
        ):
            case "revocation":
                sandbox.revoke_everything()
            case "outage" | "long outage" as kind:
                sandbox.outage = dice.choice([500, 503, 429, "drop"])
                stop.wait(dice.uniform(0.2, 0.9) if kind == "outage" else dice.uniform(1.5, 3.0))
                sandbox.outage = None
            case "401":
                sandbox.refuse_everything(dice.uniform(0.1, 0.6), stop)
            case "slowness":
                sandbox.delay = 0.2
                stop.wait(2.0)
                sandbox.delay = 0.0
            case "freeze":
                sandbox.freeze(dice.uniform(0.5, 4.0))
            case "interrupts":
                for _ in range(5):
                    sandbox.interrupt()
                    stop.wait(dice.uniform(0.05, 0.4))
        stop.wait(dice.uniform(1.0, 3.0))

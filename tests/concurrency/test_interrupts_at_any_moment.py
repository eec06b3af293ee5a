"""Ctrl-C between any two steps of a caller, on and on: nothing is left locked for the others."""

import os

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.processes.script import run_script

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no interval timers there")

STORM = """
import random, signal, sys, threading, time
from bitquery_auth import ConfigurationError

def no_secret():  # the shortest fetch there is, so that the steps around it are most of the time
    raise LookupError

source = credentials(no_secret)

def renew():
    try:
        source.renew()
    except ConfigurationError:
        pass

renewals = {1: 0, 2: 0}

def renew_on_and_on(place):
    while True:
        renew()
        renewals[place] += 1

for place in renewals:
    threading.Thread(target=renew_on_and_on, args=(place,), daemon=True).start()

class Interruption(BaseException):
    pass

def interrupt(*_):
    raise Interruption

signal.signal(signal.SIGALRM, interrupt)
sys.setswitchinterval(0.0002)
dice = random.Random(0)
interruptions = 0
while interruptions < 800:
    try:
        signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00002, 0.0006))
        while True:
            renew()
    except Interruption:
        interruptions += 1
    except RuntimeError:  # the standard library's own locks are not made for this
        interruptions += 1
signal.signal(signal.SIGALRM, signal.SIG_IGN)

before, end = dict(renewals), time.monotonic() + 10
while any(renewals[place] == before[place] for place in renewals) and time.monotonic() < end:
    time.sleep(0.001)
print([place for place in renewals if renewals[place] > before[place]])
"""


def test_threads_go_on_whenever_another_one_is_interrupted(sandbox: Sandbox) -> None:
    """An interrupted leader releases the fetch, an interrupted waiter holds nothing."""
    assert run_script(STORM, sandbox) == "[1, 2]"

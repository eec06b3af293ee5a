"""How properties are searched: by the same examples in every run, so that no failure is luck."""

from hypothesis import HealthCheck, settings

same_examples_in_every_run = settings(
    derandomize=True,
    deadline=None,
    # A test that shares fixtures among examples resets them itself. A busy machine is no failure.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

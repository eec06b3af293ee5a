"""Properties are searched with the same examples in every run: a failure is never a matter of luck."""

from hypothesis import settings

settings.register_profile("unit", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("unit")

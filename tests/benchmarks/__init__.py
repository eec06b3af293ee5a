"""Side by side with comparable libraries, in one run: ``python -m tests.benchmarks``."""

"""What is compared, one file each; every case makes a `tests.benchmarks.report.Table`."""

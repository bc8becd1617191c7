"""What the benchmarks share: environments, rounds of workers, timing, statistics, the report."""

"""`python -m benchmarks` runs the benchmark."""

from .run import main

main()

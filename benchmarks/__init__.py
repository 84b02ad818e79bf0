"""The public benchmark: sklearn_bo beside its peers on tuning tasks, in one machine."""

import os

# One BLAS thread per process, set before numpy loads: runs are parallel over processes.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

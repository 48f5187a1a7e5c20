"""The dialer: everything that happens now."""

import os

# Pacing multiplies small matrices: a second thread makes that no faster, and takes a core from the calls.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

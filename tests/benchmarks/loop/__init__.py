"""The real daemon against the emulated carrier, beside the simulator fitted to the same run."""

"""`make bench`: speed against stated floors, measured in the same run."""

from tests.benchmarks import answer, gate, preflight, upload

gate.main()
preflight.main()
answer.main()
upload.main()

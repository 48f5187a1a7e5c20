"""`make bench`: speed against stated floors, measured in the same run."""

from tests.benchmarks import answer, gate, upload

gate.main()
answer.main()
upload.main()

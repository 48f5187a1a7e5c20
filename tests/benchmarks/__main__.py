"""`make bench`: speed against stated floors, measured in the same run."""

from tests.benchmarks import answer, upload

answer.main()
upload.main()

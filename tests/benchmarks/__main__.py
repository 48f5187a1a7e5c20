"""`make bench`: speed against stated floors, measured in the same run."""

from tests.benchmarks import answer, decision, gate, ledger, lists, preflight, upload

gate.main()
ledger.main()
lists.main()
preflight.main()
answer.main()
decision.main()
upload.main()

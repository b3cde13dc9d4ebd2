"""The policy: its language (schema), its checks (references, networks, items, lint), and its judgement.

Pure. `compile_policy` makes a `Policy` of a text, which judges flows; `run_policy_tests` runs its own tests.
"""

from monitor.policy.own_tests import TestResult, run_policy_tests
from monitor.policy.policy import Judgement, Policy, compile_policy, text_digest, version_of

__all__ = [
    "Judgement",
    "Policy",
    "TestResult",
    "compile_policy",
    "run_policy_tests",
    "text_digest",
    "version_of",
]

"""The bench of a cluster: a store of few workers. What its sweep does is tests/jobs/test_ray.py with fewer runs."""

import pytest

from kdui.bench.cluster import many_workers
from kdui.bench.postgres import find_postgres


@pytest.mark.skipif(find_postgres() is None, reason="PostgreSQL is not installed: apt install postgresql")
def test_rounds_heartbeats_and_claims_are_counted(settings):
    rounds, beats, claims = many_workers(settings, workers=20, rounds=2, seconds=0.3)
    assert [finding.unit for finding in (rounds, beats, claims)] == ["ms", "1/s", "1/s"]
    assert rounds.value > 0 and beats.value > 10
    assert claims.value > 0 and "kB of database a run" in rounds.lines[0]

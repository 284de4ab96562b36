"""Faults at random on a real job: it ends as if nothing had happened."""

import pytest

from tests.worker.chaos import require_same_in_chaos

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.slow]


def test_a_job_under_faults_at_random_ends_bit_for_bit_as_an_undisturbed_one(
    tmp_path, plugin_path, catalogue, postgres_server, redis_server
):
    hits = require_same_in_chaos(
        tmp_path,
        plugin_path,
        catalogue,
        (postgres_server, redis_server),
        seconds=20,
        seed=3,
        model_seeds=2,
    )

    assert hits.total() >= 3

"""A little of what `simulate_rates` does at length, always with the same seed."""

import numpy as np
from simulate_rates import TRUE_RATE, Releases, alerted, coverage, daily, hours, released


def test_limits_by_clients_hold_what_poissons_do_not():
    """Of 300 experiments at least 92% but for chance, where three clients in a hundred crash in a loop."""
    held = coverage(2000, 300, seed=3)
    assert held["clients"] >= 0.92 - 2 * (0.92 * 0.08 / 300) ** 0.5
    assert 0.4 < held["poisson"] < 0.7


def test_releases_without_a_change_have_few_alerts():
    of = Releases(5, 0.1, daily(16), per_hour=0.3)
    found = alerted(of, 150, (0.97, 0.6), seed=4)
    assert found[0.97].shape == (150, 14)
    assert found[0.97].any(axis=1).mean() <= 0.05
    # A range that two versions in five leave is left by many at some time: the rows are not all `ok`.
    assert found[0.6].any(axis=1).mean() > 0.15


def test_a_rise_is_flagged_the_sooner_the_more_it_is_used():
    of = Releases(10, 0.1, (20, 100, 500), per_hour=0.1, rise=1, grows=False)
    (flagged,) = alerted(of, 24, (0.97,), seed=5).values()
    few, some, many = flagged.mean(axis=0)
    assert few < some <= many
    assert many > 0.8


def test_the_rate_that_is_simulated_is_the_one_that_is_told():
    """And usage: what the pings of many clients add up to."""
    assert TRUE_RATE == 1000 * 0.01 * 2.17
    for grows in (True, False):
        of = Releases(0, 0, (1000, 2000, 4000), grows=grows)
        pings = released(of, 5, np.random.default_rng(6))
        seconds = [pings.seconds[pings.look == look].sum() / 5 for look in range(3)]
        assert np.allclose(np.array(seconds) / 3600, hours(of), rtol=0.1)
        assert np.isclose(pings.crashes.sum() / pings.seconds.sum() * 3600, 0.01, rtol=0.2)
        counts = [(pings.look == look).sum() for look in range(3)]
        assert counts == [5000, 10_000, 20_000]

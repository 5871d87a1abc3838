"""How many examples a question needs, before any of them is paid for. Pure; knows no record.

Each function gives the smallest n, by the normal approximation, at which a difference that is there is found
with probability `power` by a two-sided test at 1 − `confidence`. With fewer, what is true may not be seen.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from dajeong.statistics import CONFIDENCE

POWER = 0.8


def for_share(
    share: float, against: float = 0.5, power: float = POWER, confidence: float = CONFIDENCE
) -> int:
    """A win rate or ranking accuracy of `share`, told from a known `against` such as chance or a baseline.

    Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, chapter 2.
    """
    _check_shares(share, against)
    missed, found = _quantiles(power, confidence)
    spread = missed * _deviation(against) + found * _deviation(share)
    return _whole((spread / _nonzero(share - against)) ** 2)


def for_precision(half_width: float, share: float = 0.5, confidence: float = CONFIDENCE) -> int:
    """A share near `share`, such as a ranking accuracy, known to ± `half_width`; ½ is the worst case.

    Cochran (1977), Sampling Techniques, chapter 4. No power enters: nothing is tested.
    """
    _check_shares(share, half_width)
    missed, _ = _quantiles(POWER, confidence)
    return _whole((missed * _deviation(share) / _nonzero(half_width)) ** 2)


def for_unpaired_shares(
    first: float, second: float, power: float = POWER, confidence: float = CONFIDENCE
) -> int:
    """Two shares on *different* items, n of each. Fleiss, Levin and Paik (2003), chapter 4, no correction."""
    _check_shares(first, second)
    missed, found = _quantiles(power, confidence)
    together = missed * math.sqrt(2) * _deviation((first + second) / 2)
    apart = found * math.sqrt(first * (1 - first) + second * (1 - second))
    return _whole(((together + apart) / _nonzero(first - second)) ** 2)


def for_paired_shares(
    only_first: float, only_second: float, power: float = POWER, confidence: float = CONFIDENCE
) -> int:
    """Two shares on the *same* items, from the shares of items on which only one of the two succeeds.

    Connor (1987), Biometrics 43:207–211, for McNemar's test. Two systems that are mostly right on the same
    items need far fewer than two that are asked different ones.
    """
    _check_shares(only_first, only_second, only_first + only_second)
    missed, found = _quantiles(power, confidence)
    differing, difference = only_first + only_second, _nonzero(only_first - only_second)
    spread = missed * math.sqrt(differing) + found * math.sqrt(differing - difference**2)
    return _whole((spread / difference) ** 2)


def for_paired_means(
    difference: float, deviation: float, power: float = POWER, confidence: float = CONFIDENCE
) -> int:
    """A mean difference on the same items; `deviation` is the standard deviation *of the differences*.

    Cohen (1988), Statistical Power Analysis, §2.4, large samples: (z₁ + z₂)² (σ / δ)².
    """
    if not 0 < deviation < math.inf:
        raise ValueError(f"deviation {deviation}: expected a number above 0")
    missed, found = _quantiles(power, confidence)
    return _whole(((missed + found) * deviation / _nonzero(difference)) ** 2)


def _quantiles(power: float, confidence: float) -> tuple[float, float]:
    """How many standard errors keep a false alarm away, and how many more find what is there."""
    if not (0 < power < 1 and 0 < confidence < 1):
        raise ValueError(f"power {power}, confidence {confidence}: expected numbers between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2), NormalDist().inv_cdf(power)


def _deviation(share: float) -> float:
    return math.sqrt(share * (1 - share))


def _check_shares(*shares: float) -> None:
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"{', '.join(map(str, shares))}: expected shares from 0 to 1")


def _nonzero(difference: float) -> float:
    if not difference or not math.isfinite(difference):
        raise ValueError(f"a difference of {difference} can never be found")
    return difference


def _whole(n: float) -> int:
    return max(1, math.ceil(round(n, 9)))

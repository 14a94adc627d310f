"""All drift figures of one feature in one window."""

from dataclasses import dataclass

from stream.arrays import FloatArray, IntArray
from stream.stats.drift.chi_squared import chi_squared, chi_squared_p_value
from stream.stats.drift.decision import FeatureTest
from stream.stats.drift.dispersion import freedom_at, phi_at
from stream.stats.drift.hellinger import hellinger
from stream.stats.drift.jensen_shannon import jensen_shannon
from stream.stats.drift.kolmogorov_smirnov import ks_distance, ks_p_value, typical_cell
from stream.stats.drift.l_infinity import l_infinity
from stream.stats.drift.missing import missing_test
from stream.stats.drift.psi import psi
from stream.stats.drift.shift import Order, shift_test
from stream.stats.drift.unseen import seen_once, unseen_test
from stream.stats.drift.wasserstein import wasserstein
from stream.stats.reference import MISMATCH, MISSING, Reference


@dataclass(frozen=True, slots=True)
class DriftFigures:
    """Drift of one feature.

    Attributes
    ----------
    figures : by the contract's name; one that can't be computed is not there
    test : what the decision needs; None where nothing could be tested
    """

    figures: dict[str, float]
    test: FeatureTest | None


def drift_figures(
    reference: Reference, counts: IntArray, excess: tuple[float, float] | None = None
) -> DriftFigures:
    """Compare a window with the reference.

    Parameters
    ----------
    reference : compiled from the baseline that the window was counted with
    counts : (cells,) the window's count row
    excess : of a numeric feature: exact sums, over the values beyond the range of the baseline's
        edges, of how far they lie below and above it, in the feature's unit

    Raises
    ------
    ValueError
        When the row is of another length than the reference's.

    Notes
    -----
    Missing and mismatched values are left out of the distances. `chi2` and its p-value are those
    of the cells of `psi`, all of them; `effect` and `drift_p_value` rest on cells that are pooled
    by reference shares, because the limit distribution needs that. p-values and effect allow for
    what the reference varies by beyond independent rows (`stream.stats.drift.dispersion`). Unseen
    values lie in those cells, and are tested apart too; `effect` is the larger one of both.

    Kinds whose values have no cells (text, embedding, set, id) are tested for missing values only.
    """
    if len(counts) != reference.cells:
        raise ValueError(f"the window has {len(counts)} cells, its baseline {reference.cells}")
    cumulated = counts[:MISMATCH].cumsum()
    n, m = int(cumulated[-1]), reference.total
    figures: dict[str, float] = {}
    value_p_value = size = unseen = None
    if n and m and reference.tells_values:
        phi = phi_at(reference.baseline.dispersion, n)
        freedom = freedom_at(reference.baseline.dispersion, n)
        tested = reference.tested.of(cumulated)
        figures |= _distances(reference, cumulated, tested)
        order = None
        if reference.numeric:
            figures["ks"] = ks_distance(cumulated / n, reference.cumulative_shares)
            figures["ks_p_value"] = ks_p_value(figures["ks"], n, m, phi)
            cell = typical_cell(reference.cumulative_shares, reference.uppers)
            order = Order(figures["ks"], cell)
            figures |= _area(reference, cumulated, excess)
        if (pearson := chi_squared(tested, reference.tested.counts)) is not None:
            figures["chi2"] = pearson[0]
            figures["chi2_p_value"] = chi_squared_p_value(*pearson, phi)
        shift = shift_test(tested, reference.tested, pearson, order, phi, freedom)
        value_p_value, size = shift.p_value, shift.effect
        if reference.tells_unseen:
            unseen = unseen_test(int(counts[-3]), n, *seen_once(reference.baseline))
        sizes = [one for one in (size, unseen and unseen[1]) if one is not None]
        if sizes:
            figures["effect"] = max(sizes)
    test = _joined(reference, counts, value_p_value, size, unseen)
    if test is not None:
        figures["drift_p_value"] = test.p_value
        if test.missing_p_value is not None:
            figures["missing_increase"] = test.missing_increase
    return DriftFigures(figures, test)


def _distances(reference: Reference, cumulated: IntArray, tested: IntArray) -> dict[str, float]:
    n = int(cumulated[-1])
    shares: FloatArray = reference.compared.of(cumulated) / n
    expected = reference.compared.shares
    return {
        "psi": psi(tested / n, reference.tested.shares),
        "js": jensen_shannon(shares, expected),
        "hellinger": hellinger(shares, expected),
        "l_infinity": l_infinity(shares, expected),
    }


def _area(
    reference: Reference, cumulated: IntArray, excess: tuple[float, float] | None
) -> dict[str, float]:
    found = wasserstein(reference, cumulated, excess)
    if found is None:
        return {}
    figures = {"wasserstein": found.distance, "wasserstein_bound": found.error_max}
    if std := reference.baseline.std:
        figures["wasserstein_std"] = found.distance / std
    return figures


def _joined(
    reference: Reference,
    counts: IntArray,
    value_p_value: float | None,
    size: float | None,
    unseen: tuple[float, float] | None,
) -> FeatureTest | None:
    missing = missing_test(
        int(counts[MISSING]), int(counts.sum()), reference.missing, reference.rows
    )
    if value_p_value is None and missing is None and unseen is None:
        return None
    missing_p_value, increase = missing or (None, 0.0)
    return FeatureTest(value_p_value, size, missing_p_value, increase, *(unseen or (None, 0.0)))

"""The special functions agree with SciPy, with closed forms, and with themselves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import EstimateError, beta_quantile, normal_quantile, regularised_beta

SHAPES = st.floats(0.05, 2_000.0)
CHANCES = st.floats(0.0, 1.0)


@pytest.mark.parametrize("x", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_beta_function_has_its_closed_forms(x: float, n: int) -> None:
    """I_x(n, 1) is x to the n, and I_x(1, n) is 1 − (1 − x) to the n."""
    assert regularised_beta(x, n, 1) == pytest.approx(x**n, rel=1e-13)
    assert regularised_beta(x, 1, n) == pytest.approx(1 - (1 - x) ** n, rel=1e-13)


def test_the_beta_function_is_a_binomial_tail() -> None:
    """I_p(k, n − k + 1) is the chance of k or more successes: the identity that Clopper–Pearson rests on."""
    n, p = 30, 0.37
    for k in range(1, n + 1):
        tail = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
        assert regularised_beta(p, k, n - k + 1) == pytest.approx(tail, rel=1e-11)


@given(CHANCES, SHAPES, SHAPES)
def test_the_beta_function_agrees_with_scipy(x: float, a: float, b: float) -> None:
    """A second implementation gives the same value."""
    special = pytest.importorskip("scipy.special")
    assert regularised_beta(x, a, b) == pytest.approx(float(special.betainc(a, b, x)), rel=1e-9, abs=1e-12)


@given(CHANCES, SHAPES, SHAPES)
def test_the_two_tails_of_the_beta_function_make_one(x: float, a: float, b: float) -> None:
    """I_x(a, b) + I_{1−x}(b, a) = 1, up to the rounding of 1 − x."""
    special = 1.0 - x
    if 1.0 - special == x:
        assert regularised_beta(x, a, b) + regularised_beta(special, b, a) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(1e6, 1e6), (10_000_000.0, 3.0), (5_000_000.0, 5_000_000.0)])
def test_the_beta_function_converges_at_the_largest_shapes(a: float, b: float) -> None:
    """A run of ten million units still has its interval."""
    special = pytest.importorskip("scipy.special")
    for x in (a / (a + b), min(1.0, a / (a + b) * 1.0001), a / (a + b) * 0.9999):
        assert regularised_beta(x, a, b) == pytest.approx(float(special.betainc(a, b, x)), abs=1e-7)


@given(CHANCES, st.integers(1, 500), st.integers(1, 500))
def test_the_beta_quantile_inverts_the_beta_function(p: float, a: int, b: int) -> None:
    """The chance below the quantile is the one asked for."""
    assert regularised_beta(beta_quantile(p, a, b), a, b) == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize("p", [1e-12, 1e-6, 0.001, 0.025, 0.3, 0.5, 0.7, 0.975, 0.999999])
@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 1000), (1000, 1), (3, 8), (500, 500)])
def test_the_beta_quantile_agrees_with_scipy(p: float, a: int, b: int) -> None:
    """A second implementation gives the same quantile."""
    stats = pytest.importorskip("scipy.stats")
    assert beta_quantile(p, a, b) == pytest.approx(float(stats.beta.ppf(p, a, b)), rel=1e-9)


@given(st.floats(1e-300, 1.0, exclude_max=True))
def test_the_normal_quantile_agrees_with_scipy(p: float) -> None:
    """A second implementation gives the same quantile, far into the tails."""
    special = pytest.importorskip("scipy.special")
    assert normal_quantile(p) == pytest.approx(float(special.ndtri(p)), rel=1e-12, abs=1e-12)


def test_the_normal_quantile_has_its_well_known_values() -> None:
    """The numbers that stand in every table."""
    assert normal_quantile(0.5) == 0.0
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=1e-15)
    assert normal_quantile(0.025) == pytest.approx(-1.959963984540054, rel=1e-14)
    assert normal_quantile(0.995) == pytest.approx(2.5758293035489004, rel=1e-15)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1, math.nan, math.inf])
def test_what_is_no_chance_is_refused(p: float) -> None:
    """Outside the domain there is an error, never a NaN."""
    with pytest.raises(EstimateError):
        normal_quantile(p)
    if p not in (0.0, 1.0):
        with pytest.raises(EstimateError):
            beta_quantile(p, 1, 1)
        with pytest.raises(EstimateError):
            regularised_beta(p, 1, 1)


@pytest.mark.parametrize("shape", [0.0, -1.0, 1e8, math.nan, math.inf])
def test_what_is_no_shape_is_refused(shape: float) -> None:
    """Shapes are above 0 and within the stated limit."""
    with pytest.raises(EstimateError):
        regularised_beta(0.5, shape, 1)
    with pytest.raises(EstimateError):
        regularised_beta(0.5, 1, shape)

"""Minimax coefficients of shaders/lib/math, by a Remez exchange in 60-digit arithmetic (needs mpmath).

Every approximation is linear in its coefficients: f(t) ~ base(t) + scale(t) * sum_j c_j u(t)^j, with the error weighted by w(t)
(1/f for a relative error). Coefficients are rounded to f32 at the end; the second printed error is that of the rounded polynomial
in exact arithmetic.

Usage: python3 minimax.py [NAME ...]
"""
import struct
import sys

from mpmath import cos, erf, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt, tanh

mp.dps = 60


def f32(c):
    """Nearest f32 of a real number."""
    return mpf(struct.unpack("f", struct.pack("f", float(c)))[0])


def remez(target, basis, weight, a, b, rounds=12, grid=600):
    """Best weighted uniform approximation of target by the span of basis on [a, b]: (coefficients, max error)."""
    n = len(basis)
    nodes = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * n + 2)) for i in range(n + 1)]
    points = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / grid) for i in range(grid + 1)]
    table = [(t, target(t), [g(t) for g in basis], weight(t)) for t in points]
    coefficients, worst = [], mpf(0)
    for _ in range(rounds):
        rows = matrix(n + 1, n + 1)
        right = matrix(n + 1, 1)
        for i, t in enumerate(nodes):
            for j, g in enumerate(basis):
                rows[i, j] = g(t)
            rows[i, n] = (-1) ** i / weight(t)
            right[i] = target(t)
        solved = lu_solve(rows, right)
        coefficients = [solved[j] for j in range(n)]
        errors = [w * (v - sum(c * g for c, g in zip(coefficients, gs))) for t, v, gs, w in table]
        worst = max(abs(e) for e in errors)
        # One extremum for each run of equal sign; keep n + 1 consecutive ones with the largest ends.
        runs = []
        for k, e in enumerate(errors):
            if runs and (e > 0) == (errors[runs[-1]] > 0):
                if abs(e) > abs(errors[runs[-1]]):
                    runs[-1] = k
            else:
                runs.append(k)
        if len(runs) < n + 1:
            break
        while len(runs) > n + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
        nodes = [points[k] for k in runs]
        if worst < abs(solved[n]) * (1 + mpf(10) ** -4):
            break
    return coefficients, worst


def fit(target, scale, argument, weight, a, b, count, quantise=f32):
    """Coefficients c_0 .. c_{count-1} of scale(t) * sum c_j argument(t)^j, rounded by `quantise`, and the error of the result."""
    basis = [lambda t, j=j: scale(t) * argument(t) ** j for j in range(count)]
    exact, best = remez(target, basis, weight, a, b)
    rounded = [quantise(c) for c in exact]
    grid = [a + (b - a) * (i + mpf("0.37")) / 4001 for i in range(4001)]
    return rounded, best, max(abs(weight(t) * (target(t) - sum(c * g(t) for c, g in zip(rounded, basis)))) for t in grid)


def g_pow(m):
    """log2(m) / (m - 1), continued to m = 1."""
    return 1 / log(2) if abs(m - 1) < mpf(10) ** -25 else log(m, 2) / (m - 1)


TINY = mpf(10) ** -6
CASES = {
    "exp": lambda n: fit(lambda r: exp(r) - 1 - r, lambda r: r * r, lambda r: r, lambda r: exp(-r), mpf("-0.347"), mpf("0.347"), n),
    "exp2": lambda n: fit(lambda r: 2**r - 1, lambda r: r, lambda r: r, lambda r: 2**-r, mpf("-0.501"), mpf("0.501"), n),
    "log": lambda n: fit(lambda f: log(1 + f) - f + f * f / 2, lambda f: f**3, lambda f: f, lambda f: abs(1 / log(1 + f)),
                         sqrt(mpf(1) / 2) - 1 - TINY, sqrt(mpf(2)) - 1 + TINY, n),
    "sin": lambda n: fit(lambda r: sin(r) - r, lambda r: r**3, lambda r: r * r, lambda r: 1 / sin(r), TINY, mpf("0.786"), n),
    "cos": lambda n: fit(lambda r: cos(r) - 1 + r * r / 2, lambda r: r**4, lambda r: r * r, lambda r: 1 / cos(r), TINY, mpf("0.786"), n),
    "tanh": lambda n: fit(lambda t: tanh(t) - t, lambda t: t**3, lambda t: t * t, lambda t: 1 / tanh(t), TINY, mpf("0.5626"), n),
    "erf": lambda n: fit(lambda t: erf(t) - t, lambda t: t, lambda t: t * t, lambda t: 1 / erf(t), TINY, mpf("0.9376"), n),
    "erfc": lambda n: fit(lambda t: log(erfc(t), 2), lambda t: mpf(1), lambda t: t, lambda t: erfc(t) * log(2) / erf(t),
                          mpf("0.9374"), mpf("4.0"), n),
    "pow": lambda n: fit(lambda d: g_pow(mpf("1.0625") + d), lambda d: mpf(1), lambda d: d, lambda d: mpf(1),
                         sqrt(mpf(1) / 2) - mpf("1.0625") - TINY, sqrt(mpf(2)) - mpf("1.0625") + TINY, n,
                         quantise=lambda c: mpf(int(round(c * 2**31))) / 2**31),
}
COUNTS = {"exp": 5, "exp2": 6, "log": 9, "sin": 3, "cos": 3, "tanh": 5, "erf": 7, "erfc": 9, "pow": 15}

if __name__ == "__main__":
    for word in sys.argv[1:] or list(CASES):
        name, _, count = word.partition(":")
        coefficients, best, error = CASES[name](int(count or COUNTS[name]))
        print(f"{name}: error {float(best):.3e} before rounding the coefficients, {float(error):.3e} = 2^{float(log(error, 2)):.2f} after")
        for j, c in enumerate(coefficients):
            print(f"  c{j} = {float(c):.9g}" + (f"   x 2^31 = {int(c * 2**31)}" if name == "pow" else ""))

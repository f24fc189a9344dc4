"""Minimax coefficients of shaders/lib/math, by a Remez exchange in 60-digit arithmetic (needs mpmath).

Every approximation is linear in its coefficients: f(t) ~ base(t) + scale(t) * sum_j c_j u(t)^j, with the error weighted
by w(t) (1/f for a relative error). Coefficients are rounded at the end; the second printed error is that of the rounded
polynomial in exact arithmetic.

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


def fit(target, scale, argument, weight, a, b, count, quantise):
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
LOW, HIGH = sqrt(mpf(1) / 2) - TINY, sqrt(mpf(2)) + TINY
# The linear coefficient of 2^f is fixed first: its rounding is the one that shows, and the others make up for it.
EXP2_LINEAR = f32("0.693147242")


def identity(t):
    return t


def square(t):
    return t * t


def one(_):
    return mpf(1)


def thirty_one_bits(c):
    """Nearest multiple of 2^-31."""
    return mpf(int(round(c * 2**31))) / 2**31


# name: (target, scale, argument, weight, from, to, number of coefficients, rounding)
CASES = {
    "exp": (lambda r: exp(r) - 1 - r, square, identity, lambda r: exp(-r), mpf("-0.347"), mpf("0.347"), 5, f32),
    "exp2": (lambda r: 2**r - 1 - EXP2_LINEAR * r, square, identity, lambda r: 2**-r, mpf("-0.501"), mpf("0.501"), 5, f32),
    "log": (lambda f: log(1 + f) - f + f * f / 2, lambda f: f**3, identity, lambda f: abs(1 / log(1 + f)), LOW - 1, HIGH - 1, 9, f32),
    "sin": (lambda r: sin(r) - r, lambda r: r**3, square, lambda r: 1 / sin(r), TINY, mpf("0.786"), 3, f32),
    "cos": (lambda r: cos(r) - 1 + r * r / 2, lambda r: r**4, square, lambda r: 1 / cos(r), TINY, mpf("0.786"), 3, f32),
    "tanh": (lambda t: tanh(t) - t, lambda t: t**3, square, lambda t: 1 / tanh(t), TINY, mpf("0.5626"), 5, f32),
    "erf": (lambda t: erf(t) - t, identity, square, lambda t: 1 / erf(t), TINY, mpf("0.9376"), 7, f32),
    # log2 erfc(t); an error d of it changes erf by erfc ln 2 d.
    "erfc": (lambda t: log(erfc(t), 2), one, identity, lambda t: erfc(t) * log(2) / erf(t), mpf("0.9374"), mpf(4), 8, f32),
    "pow": (lambda d: g_pow(mpf("1.0625") + d), one, identity, one, LOW - mpf("1.0625"), HIGH - mpf("1.0625"), 13, thirty_one_bits),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or list(CASES):
        coefficients, best, error = fit(*CASES[name])
        print(f"{name}: error {float(best):.3e} before rounding the coefficients, {float(error):.3e} = 2^{float(log(error, 2)):.2f} after")
        for j, c in enumerate(coefficients):
            print(f"  c{j} = {float(c):.9g}" + (f" = {int(c * 2**31)} / 2^31" if name == "pow" else ""))

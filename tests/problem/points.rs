//! Collocation points.

use fieldline::pinns::sampling::{self, Concentration, Domain, Face, Method, Points, Side};

#[test]
fn points_lie_strictly_inside() {
    // 0.1 and 0.3 are no single-precision numbers; the box around 1e6 has few of them.
    let domain = Domain::new([0.1, -1.0, 1e6], [0.3, 1.0, 1e6 + 2.0]).unwrap();
    let low: Vec<f32> = domain.lower().iter().map(|&v| v as f32).collect();
    let high: Vec<f32> = domain.upper().iter().map(|&v| v as f32).collect();
    for method in [Method::Uniform, Method::LatinHypercube, Method::Grid] {
        let points = sampling::interior(&domain, 1000, method, 7, 0);
        assert_eq!(points.len(), 1000, "{method:?}: 1000 is a cube");
        assert!(points.rows().all(|row| (0..3).all(|k| row[k] > low[k] && row[k] < high[k])), "{method:?}");
        for (coordinate, side) in [(0, Side::Lower), (2, Side::Upper)] {
            let points = sampling::face(&domain, Face { coordinate, side }, 100, method, 7, 0).unwrap();
            assert_eq!(points.len(), 100, "{method:?}: 100 is a square");
            let bound = if side == Side::Lower { low[coordinate] } else { high[coordinate] };
            for row in points.rows() {
                let inside = (0..3).all(|k| k == coordinate || row[k] > low[k] && row[k] < high[k]);
                assert!(row[coordinate] == bound && inside, "{method:?} {row:?}");
            }
        }
    }
    let one = Domain::new([0.0], [1.0]).unwrap();
    let end = sampling::face(&one, Face { coordinate: 0, side: Side::Upper }, 9, Method::LatinHypercube, 0, 0).unwrap();
    assert_eq!(end.values(), [1.0]);
    assert!(sampling::face(&one, Face { coordinate: 1, side: Side::Upper }, 9, Method::Uniform, 0, 0).is_err());
    for (a, b) in [(0.0, 0.0), (1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1.0, 1.0 + 1e-9)] {
        assert!(Domain::new([a], [b]).is_err(), "[{a}, {b}]");
    }
    assert!(Domain::new([], []).is_err() && Domain::new([0.0, 0.0], [1.0]).is_err());
}

#[test]
fn points_repeat_and_streams_differ() {
    let domain = Domain::new([0.0, 0.0], [1.0, 1.0]).unwrap();
    let draw = |seed, stream| sampling::interior(&domain, 64, Method::LatinHypercube, seed, stream);
    assert_eq!(draw(1, 0), draw(1, 0));
    assert_ne!(draw(1, 0), draw(2, 0));
    assert_ne!(draw(1, 0), draw(1, 1));
    assert_ne!(draw(1, 0), draw(1 << 40, 0));
    // Counter-based: the first points do not depend on how many are drawn.
    let few = sampling::interior(&domain, 10, Method::Uniform, 3, 0);
    let many = sampling::interior(&domain, 100, Method::Uniform, 3, 0);
    assert_eq!(few.values(), &many.values()[..20]);
    assert!(sampling::interior(&domain, 0, Method::Grid, 0, 0).is_empty());
}

#[test]
fn latin_hypercube_is_stratified() {
    let n = 257;
    let domain = Domain::new([0.0, -2.0], [1.0, 2.0]).unwrap();
    let points = sampling::interior(&domain, n, Method::LatinHypercube, 11, 0);
    for k in 0..2 {
        let stratum = |x: f32| {
            let fraction = (f64::from(x) - domain.lower()[k]) / (domain.upper()[k] - domain.lower()[k]);
            (fraction * n as f64) as usize
        };
        let mut strata: Vec<usize> = points.rows().map(|row| stratum(row[k])).collect();
        // The two coordinates are matched by independent permutations: sorted by one, the other is not.
        assert!(!strata.is_sorted());
        strata.sort();
        assert_eq!(strata, (0..n).collect::<Vec<_>>(), "coordinate {k}");
    }
}

#[test]
fn uniform_points_have_the_right_moments() {
    // Five standard deviations of 4096 points: sqrt(1/12/4096) = 4.5e-3 for means, 1/12/64 = 1.3e-3 for the covariance.
    let unit = Domain::new([0.0, 0.0], [1.0, 1.0]).unwrap();
    let points = sampling::interior(&unit, 4096, Method::Uniform, 5, 0);
    let mean =
        |f: &dyn Fn(f64, f64) -> f64| points.rows().map(|r| f(f64::from(r[0]), f64::from(r[1]))).sum::<f64>() / 4096.0;
    let (mx, my, covariance) = (mean(&|x, _| x), mean(&|_, y| y), mean(&|x, y| (x - 0.5) * (y - 0.5)));
    assert!(
        (mx - 0.5).abs() < 0.0225 && (my - 0.5).abs() < 0.0225 && covariance.abs() < 0.0065,
        "{mx} {my} {covariance}"
    );
    let grid = sampling::interior(&unit, 12, Method::Grid, 0, 0);
    // Four by three cells.
    assert_eq!((grid.len(), &grid.values()[..4]), (12, &[0.125f32, 1.0 / 6.0, 0.125, 0.5][..]));
}

/// Points drawn where a residual is large, with weights that keep means unbiased.
#[test]
fn concentrated_points_are_weighted() {
    let unit = Domain::new([0.0], [1.0]).unwrap();
    let candidates = sampling::interior(&unit, 20_000, Method::LatinHypercube, 1, 0);
    // A peak of 10 on the tenth around 0.5, 0.1 elsewhere.
    let peak = |x: f32| if (x - 0.5).abs() < 0.05 { 10.0f32 } else { 0.1 };
    let residuals: Vec<f32> = candidates.values().iter().map(|&x| peak(x)).collect();
    let rule = Concentration { power: 1.0, floor: 1.0 };
    let draw = |seed| sampling::concentrated(&candidates, &residuals, 2000, rule, seed, 0).unwrap();
    let (points, weights) = draw(3);
    assert_eq!(draw(3), (points.clone(), weights.clone()));
    assert_ne!(draw(4).0, points);
    // mean |r| = 1.09; probabilities are proportional to 10 / 1.09 + 1 = 10.17 in the peak and 1.09 elsewhere: a share of
    // 0.1 * 10.17 / (0.1 * 10.17 + 0.9 * 1.09) = half of the draws. Drawing without replacement uses up the 2000 candidates of
    // the peak: with exponential times of these rates, s the time of the last draw, the expected counts are as below.
    let drawn = |s: f64| (2000.0 * (1.0 - (-10.17 * s).exp()), 18_000.0 * (1.0 - (-1.09 * s).exp()));
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let s = 0.5 * (low + high);
        if drawn(s).0 + drawn(s).1 > 2000.0 { high = s } else { low = s }
    }
    let inside = points.values().iter().filter(|&&x| peak(x) > 1.0).count() as f64;
    // Five standard deviations of a binomial count of 2000 at most: 5 * sqrt(2000) / 2 = 112.
    assert!((inside - drawn(low).0).abs() < 112.0, "{inside} points in the peak, expected {:.0}", drawn(low).0);
    // Weights are inverse to the probabilities.
    let ratio = weights.iter().fold(0.0f32, |m, &w| m.max(w)) / weights.iter().fold(f32::MAX, |m, &w| m.min(w));
    assert!((f64::from(ratio) - (0.1 / 1.09 + 1.0f64).recip() * (10.0 / 1.09 + 1.0)).abs() < 1e-3, "ratio {ratio}");

    let none = vec![0.0; candidates.len()];
    let (_, equal) = sampling::concentrated(&candidates, &none, 100, rule, 0, 0).unwrap();
    assert!(equal.iter().all(|&w| w == 1.0));
    let two = Points::new(1, vec![0.25, 0.75]).unwrap();
    let fails = |r: &[f32], n| sampling::concentrated(&two, r, n, rule, 0, 0).unwrap_err().to_string();
    assert!(fails(&[1.0], 1).contains("a residual for each candidate"));
    assert!(fails(&[1.0, 1.0], 3).contains("at least 3 candidates"));
    assert!(fails(&[1.0, f32::NAN], 1).contains("candidate 1 is NaN"));
}

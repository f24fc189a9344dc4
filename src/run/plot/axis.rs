//! Axes: the range of a quantity, its ticks and their labels.

/// A labelled tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// A linear or decadic axis from `lo` to `hi`.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub lo: f64,
    pub hi: f64,
    pub log: bool,
    pub ticks: Vec<Tick>,
    /// Unlabelled ticks of a log axis.
    pub minor: Vec<f64>,
}

impl Axis {
    /// An axis over the range of some values (none: nothing could be drawn), with about `most` labels at most. `pad` is the
    /// fraction of the range that is added at each end.
    pub fn new(range: Option<(f64, f64)>, log: bool, pad: f64, most: usize) -> Self {
        if log { Self::decadic(range, pad, most) } else { Self::linear(range, pad, most) }
    }

    fn linear(range: Option<(f64, f64)>, pad: f64, most: usize) -> Self {
        let (lo, hi) = widened(range.unwrap_or((0.0, 1.0)));
        let margin = pad * (hi - lo);
        let (lo, hi) = (lo - margin, hi + margin);
        Axis { lo, hi, log: false, ticks: linear_ticks(lo, hi, most), minor: Vec::new() }
    }

    fn decadic(range: Option<(f64, f64)>, pad: f64, most: usize) -> Self {
        // Subnormal values are lifted to the least normal one: their decades cannot be told apart on any figure.
        let (lo, hi) = range.unwrap_or((1e-1, 1.0));
        let (mut lo, mut hi) = (lo.max(f64::MIN_POSITIVE).log10(), hi.max(f64::MIN_POSITIVE).log10());
        if hi - lo < 1e-3 {
            (lo, hi) = (lo - 0.5, hi + 0.5);
        }
        let margin = pad * (hi - lo);
        let (lo, hi) = (lo - margin, hi + margin);
        let (ticks, minor) = decadic_ticks(lo, hi, most);
        Axis { lo: 10_f64.powf(lo), hi: 10_f64.powf(hi), log: true, ticks, minor }
    }

    /// Where `value` lies, as a fraction of the axis; outside of 0..1 when it is off the axis.
    pub fn fraction(&self, value: f64) -> f64 {
        if self.log {
            let (lo, hi) = (self.lo.log10(), self.hi.log10());
            (value.max(f64::MIN_POSITIVE).log10() - lo) / (hi - lo)
        } else {
            (value - self.lo) / (self.hi - self.lo)
        }
    }

    /// Whether `value` has a place on this kind of axis.
    pub fn takes(&self, value: f64) -> bool {
        super::drawable(value) && (!self.log || value > 0.0)
    }
}

/// A range that is wide enough to be divided: a constant gets room around it, in proportion to its magnitude.
fn widened((lo, hi): (f64, f64)) -> (f64, f64) {
    let magnitude = lo.abs().max(hi.abs());
    // Below 1e-12 of the magnitude the ticks could not be told apart; below 1e-300 their step would be subnormal.
    if hi - lo > 1e-12 * magnitude && hi - lo > 1e-300 {
        (lo, hi)
    } else if magnitude > 1e-300 {
        (lo - 0.1 * magnitude, hi + 0.1 * magnitude)
    } else {
        (-1.0, 1.0)
    }
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten, at most about `most` of them.
fn linear_ticks(lo: f64, hi: f64, most: usize) -> Vec<Tick> {
    let rough = (hi - lo) / most.max(1) as f64;
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(10.0 * decade);
    let first = (lo / step - 1e-6).ceil();
    let count = ((hi / step + 1e-6).floor() - first).clamp(0.0, 50.0) as usize + 1;
    let values: Vec<f64> = (0..count).map(|i| (first + i as f64) * step).collect();
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    values.iter().map(|&value| Tick { value, label: tick_label(value, step, largest) }).collect()
}

/// A label with as many digits as `step` needs: `0.25`, `1500`, `2.5e-4`.
fn tick_label(value: f64, step: f64, largest: f64) -> String {
    if value.abs() < 1e-6 * step {
        return "0".to_owned();
    }
    if (1e-3..1e5).contains(&largest) || (step >= 1.0 && largest < 1e7) {
        let decimals = (-(step * 1.001).log10().floor()).clamp(0.0, 15.0) as usize;
        return format!("{value:.decimals$}");
    }
    let digits = (value.abs().log10() + 1e-9).floor() - (step * 1.001).log10().floor();
    scientific(value, digits.clamp(0.0, 15.0) as usize)
}

/// `value` with `digits` after the point, without the zeros at their end: `2.5e-4`, `1e-4`.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// Labelled and minor ticks between the exponents `lo` and `hi`: whole decades; where there are fewer than two, 1, 2 and 5 times
/// a power of ten; where even those are fewer than two, linear ticks.
fn decadic_ticks(lo: f64, hi: f64, most: usize) -> (Vec<Tick>, Vec<f64>) {
    let (first, last) = ((lo - 1e-9).ceil() as i32, (hi + 1e-9).floor() as i32);
    let inside = |value: f64| (lo - 1e-9..=hi + 1e-9).contains(&value.log10());
    let multiples = |set: &[i32]| -> Vec<(i32, i32)> {
        (first - 1..=last)
            .flat_map(|d| set.iter().map(move |&m| (m, d)))
            .filter(|&(m, d)| inside(decimal(m, d)))
            .collect()
    };
    // Hundredths to thousands read better written out.
    let plain = lo >= -2.0 && hi < 4.0;
    let tick = |&(m, d): &(i32, i32)| {
        let value = decimal(m, d);
        Tick { value, label: if plain { value.to_string() } else { format!("{m}e{d}") } }
    };
    let mut minor: Vec<f64> = multiples(&[2, 3, 4, 5, 6, 7, 8, 9]).into_iter().map(|(m, d)| decimal(m, d)).collect();
    let decades = (last - first + 1).max(0) as usize;
    if decades >= 2 {
        let every = decades.div_ceil(most.max(1)).max(1) as i32;
        let (labelled, rest): (Vec<i32>, Vec<i32>) = (first..=last).partition(|d| d.rem_euclid(every) == 0);
        if every > 1 {
            minor = rest.into_iter().map(|d| decimal(1, d)).collect();
        }
        return (labelled.into_iter().map(|d| tick(&(1, d))).collect(), minor);
    }
    let few = multiples(&[1, 2, 5]);
    if few.len() >= 2 {
        return (few.iter().map(tick).collect(), minor);
    }
    let (lo, hi) = (10_f64.powf(lo), 10_f64.powf(hi));
    (linear_ticks(lo, hi, most.min(4)).into_iter().filter(|t| t.value > 0.0).collect(), Vec::new())
}

/// `m` times ten to the `d`, rounded as the literal is.
fn decimal(m: i32, d: i32) -> f64 {
    // A literal of this form always parses; `powi` is the same number, less well rounded.
    format!("{m}e{d}").parse().unwrap_or_else(|_| f64::from(m) * 10_f64.powi(d))
}

/// A value for a reader, to two or three significant digits: `3.1e-3`, `0.25`, `12`.
pub(super) fn short_number(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "NaN".to_owned() } else { value.to_string() };
    }
    match value.abs() {
        0.0 => "0".to_owned(),
        a if (1e-2..1.0).contains(&a) => format!("{value:.3}"),
        a if (1.0..1e4).contains(&a) => format!("{value:.*}", if a < 100.0 { 2 } else { 0 }),
        _ => scientific(value, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn linear_axes_label_round_numbers() {
        assert_eq!(labels(&Axis::new(Some((0.0, 1.0)), false, 0.0, 6)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::new(Some((-1.0, 1.0)), false, 0.0, 5)), ["-1.0", "-0.5", "0", "0.5", "1.0"]);
        assert_eq!(labels(&Axis::new(Some((0.0, 3e-4)), false, 0.0, 4)), ["0", "1e-4", "2e-4", "3e-4"]);
        assert_eq!(labels(&Axis::new(Some((0.0, 20_000.0)), false, 0.0, 4)), ["0", "5000", "10000", "15000", "20000"]);
    }

    #[test]
    fn log_axes_label_decades_then_multiples() {
        assert_eq!(labels(&Axis::new(Some((1e-4, 1e-1)), true, 0.0, 8)), ["1e-4", "1e-3", "1e-2", "1e-1"]);
        assert_eq!(labels(&Axis::new(Some((1.5, 60.0)), true, 0.0, 8)), ["2", "5", "10", "20", "50"]);
        assert!(Axis::new(Some((1e-300, 1e300)), true, 0.0, 8).ticks.len() <= 9);
    }

    #[test]
    fn degenerate_ranges_have_an_axis() {
        for value in [0.0, 1.0, -3e8, 1e-310, super::super::LARGEST] {
            let axis = Axis::new(Some((value, value)), false, 0.05, 5);
            assert!(axis.lo < axis.hi && !axis.ticks.is_empty() && axis.ticks.len() <= 12, "{value}: {axis:?}");
            assert!((0.0..=1.0).contains(&axis.fraction(value)));
        }
        let axis = Axis::new(Some((-super::super::LARGEST, super::super::LARGEST)), false, 0.05, 5);
        assert!(axis.fraction(0.0) == 0.5 && axis.hi.is_finite());
    }
}

//! Colours: a categorical set for curves, two sequential maps for fields.

use std::f64::consts::PI;
use std::sync::OnceLock;

use super::Rgb;

/// Okabe and Ito's colours for all kinds of colour vision (2008), without their yellow, which is too light for a curve on white.
const CURVES: [Rgb; 7] = [
    [0x00, 0x72, 0xB2],
    [0xD5, 0x5E, 0x00],
    [0x00, 0x9E, 0x73],
    [0xCC, 0x79, 0xA7],
    [0xE6, 0x9F, 0x00],
    [0x56, 0xB4, 0xE9],
    [0x00, 0x00, 0x00],
];

/// Colour and dash (dash and gap in pixels) of the `index`-th curve: solid, then dashed, then dotted.
pub(super) fn curve(index: usize) -> (Rgb, Option<(f64, f64)>) {
    let dash = [None, Some((8.0, 4.0)), Some((2.0, 3.0))][index / CURVES.len() % 3];
    (CURVES[index % CURVES.len()], dash)
}

/// Black, for references.
pub(super) const REFERENCE: Rgb = CURVES[6];
/// Vermilion, for predictions and errors.
pub(super) const PREDICTION: Rgb = CURVES[1];

/// A sequential colour map: dark to light, equal steps in value are equal steps in Oklab (Ottosson, 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    /// Violet over teal to yellow, for fields.
    Field,
    /// Violet over red to pale yellow, for errors: not to be mistaken for a field.
    Error,
}

const ENTRIES: usize = 256;

impl Map {
    /// The colour at `t`, clamped to 0..1.
    pub fn colour(self, t: f64) -> Rgb {
        static TABLES: OnceLock<[Vec<Rgb>; 2]> = OnceLock::new();
        let tables = TABLES.get_or_init(|| [Map::Field.table(), Map::Error.table()]);
        let table = &tables[usize::from(self == Map::Error)];
        table[(t.clamp(0.0, 1.0) * (ENTRIES - 1) as f64).round() as usize]
    }

    /// Oklab coordinates of the map's curve at parameter `s`: lightness rises linearly, hue turns by a power law.
    fn curve(self, s: f64) -> [f64; 3] {
        let (from, to, turn, chroma) = match self {
            Map::Field => (302.0, 105.0, 1.3, 0.105 + 0.075 * s * s),
            Map::Error => (290.0, 460.0, 1.0, 0.05 + 0.15 * (PI * s.powf(0.9)).sin()),
        };
        let lightness = 0.24 + (0.93 - 0.24) * s;
        let hue: f64 = (from + (to - from) * s.powf(turn)) * PI / 180.0;
        // Not every chroma exists in sRGB at each lightness and hue: take the largest up to the wanted one.
        let at = |c: f64| [lightness, c * hue.cos(), c * hue.sin()];
        let mut c = chroma;
        while c > 0.0 && !linear_srgb(at(c)).iter().all(|v| (-1e-9..=1.0 + 1e-9).contains(v)) {
            c -= 5e-4;
        }
        at(c.max(0.0))
    }

    /// The map's colours at equal distances along its curve.
    fn table(self) -> Vec<Rgb> {
        const FINE: usize = 4096;
        let points: Vec<[f64; 3]> = (0..=FINE).map(|i| self.curve(i as f64 / FINE as f64)).collect();
        let mut length = vec![0.0];
        for pair in points.windows(2) {
            let step = (0..3).map(|i| (pair[1][i] - pair[0][i]).powi(2)).sum::<f64>().sqrt();
            length.push(length[length.len() - 1] + step);
        }
        let total = length[FINE];
        (0..ENTRIES)
            .map(|i| {
                let wanted = total * i as f64 / (ENTRIES - 1) as f64;
                let at = length.partition_point(|l| *l < wanted).min(FINE);
                linear_srgb(points[at]).map(encode)
            })
            .collect()
    }
}

/// Linear sRGB of an Oklab colour, with the coefficients of Ottosson's definition.
fn linear_srgb([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
    ]
}

/// The sRGB transfer function, to 8 bits.
fn encode(linear: f64) -> u8 {
    let v = linear.clamp(0.0, 1.0);
    let v = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    (255.0 * v).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rec. 709 luminance of an 8-bit colour.
    fn luminance(c: Rgb) -> f64 {
        let linear = c.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// A map that is read in grey must keep its order. Over eight entries the lightness rises by more than 8-bit rounding.
    #[test]
    fn maps_grow_lighter_all_the_way() {
        for map in [Map::Field, Map::Error] {
            let y: Vec<f64> = (0..ENTRIES).map(|i| luminance(map.colour(i as f64 / 255.0))).collect();
            assert!(y.windows(9).all(|w| w[8] > w[0]), "{map:?}");
            assert!(y[0] < 0.03 && y[ENTRIES - 1] > 0.7, "{map:?} spans {} to {}", y[0], y[ENTRIES - 1]);
        }
    }
}

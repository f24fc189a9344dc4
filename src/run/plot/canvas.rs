//! Drawing primitives in pixels, anti-aliased.
//!
//! Everything is drawn at [`SCALE`] times the size of the figure and averaged down at the end. plotters sets the text; lines are
//! drawn here by their distance to each pixel, because plotters rounds the corners of its strokes to whole pixels and gives noisy
//! curves spikes. Coordinates are figure pixels, y down.

use std::sync::OnceLock;

use plotters::prelude::{BitMapBackend, DrawingBackend, FontTransform, IntoFont, RGBColor, TextStyle};
use plotters::style::{FontStyle, register_font};

use super::{Image, Rgb};
use crate::error::{Error, Result};

/// Device pixels per figure pixel, each way.
const SCALE: usize = 2;
const SANS: &str = "fieldline-sans";
/// Height of digits and capitals over the font's line height: 0.693 em of a line of 1.12 em in Ubuntu Light.
const CAP: f64 = 0.62;

/// Ink of titles and labels.
pub(super) const INK: Rgb = [20, 20, 20];
/// Ink of secondary text.
pub(super) const FAINT: Rgb = [95, 95, 95];
/// Grid lines.
pub(super) const GRID: Rgb = [228, 228, 228];
/// Pixels of a field that have no value.
pub(super) const MISSING: Rgb = [205, 205, 205];

/// Which point of a text's box its position is: 0 left, 0.5 centre, 1 right. Vertically a text is centred on its capitals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Align(pub f64);

pub(super) const LEFT: Align = Align(0.0);
pub(super) const CENTRE: Align = Align(0.5);
pub(super) const RIGHT: Align = Align(1.0);

/// How a curve is stroked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub colour: Rgb,
    pub width: f64,
    /// Lengths of dash and gap; none is solid.
    pub dash: Option<(f64, f64)>,
}

/// Left, top, right, bottom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rect {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
}

impl Rect {
    pub fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    pub fn height(&self) -> f64 {
        self.y1 - self.y0
    }
}

pub(super) struct Canvas {
    /// Size in device pixels.
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// A white canvas of `width` x `height` figure pixels.
    pub fn new(width: usize, height: usize) -> Result<Self> {
        static FONTS: OnceLock<bool> = OnceLock::new();
        let registered =
            *FONTS.get_or_init(|| register_font(SANS, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok());
        if !registered {
            return Err(Error::argument("embedded font", "a font that parses", "an invalid font"));
        }
        let (width, height) = (width * SCALE, height * SCALE);
        Ok(Canvas { width, height, rgb: vec![255; 3 * width * height] })
    }

    /// The figure, averaged down.
    pub fn finish(self) -> Image {
        let (width, height) = (self.width / SCALE, self.height / SCALE);
        let mut rgb = Vec::with_capacity(3 * width * height);
        for y in 0..height {
            for x in 0..width {
                for channel in 0..3 {
                    let sum: usize = (0..SCALE * SCALE)
                        .map(|i| {
                            let (dx, dy) = (i % SCALE, i / SCALE);
                            usize::from(self.rgb[3 * ((y * SCALE + dy) * self.width + x * SCALE + dx) + channel])
                        })
                        .sum();
                    rgb.push(((sum + SCALE * SCALE / 2) / (SCALE * SCALE)) as u8);
                }
            }
        }
        Image { width: width as u32, height: height as u32, rgb }
    }

    /// Fills `rect` with the colour that `colour` gives for a point, as fractions of width (from the left) and height (from the
    /// bottom).
    pub fn image(&mut self, rect: Rect, colour: impl Fn(f64, f64) -> Rgb) {
        let (x0, x1) = (device(rect.x0, self.width), device(rect.x1, self.width));
        let (y0, y1) = (device(rect.y0, self.height), device(rect.y1, self.height));
        for y in y0..y1 {
            let v = 1.0 - (y - y0) as f64 / (y1 - y0) as f64 - 0.5 / (y1 - y0) as f64;
            for x in x0..x1 {
                let u = ((x - x0) as f64 + 0.5) / (x1 - x0) as f64;
                let at = 3 * (y * self.width + x);
                self.rgb[at..at + 3].copy_from_slice(&colour(u, v));
            }
        }
    }

    pub fn fill(&mut self, rect: Rect, colour: Rgb) {
        self.image(rect, |_, _| colour);
    }

    /// A crisp horizontal or vertical line, one figure pixel wide, with its centre in the pixel that holds the start point.
    pub fn hairline(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64), colour: Rgb) {
        let rect = Rect { x0: x0.floor(), y0: y0.floor(), x1: x1.floor() + 1.0, y1: y1.floor() + 1.0 };
        self.fill(rect, colour);
    }

    pub fn border(&mut self, r: Rect, colour: Rgb) {
        self.hairline((r.x0, r.y0), (r.x1, r.y0), colour);
        self.hairline((r.x0, r.y1), (r.x1, r.y1), colour);
        self.hairline((r.x0, r.y0), (r.x0, r.y1), colour);
        self.hairline((r.x1, r.y0), (r.x1, r.y1), colour);
    }

    /// A curve through `points`; one point is a dot.
    pub fn curve(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        // Coverage is the maximum over the segments, blended once: joints are not darker than the rest.
        let mut coverage = Coverage::new(self.width, self.height);
        match points {
            [] => return,
            [dot] => coverage.segment(*dot, *dot, 1.6 * stroke.width),
            _ => {
                let mut dashes = Dashes { pattern: stroke.dash, travelled: 0.0 };
                for pair in points.windows(2) {
                    dashes.cut(pair[0], pair[1], |a, b| coverage.segment(a, b, stroke.width / 2.0));
                }
            }
        }
        for (pixel, &alpha) in self.rgb.chunks_exact_mut(3).zip(&coverage.alpha) {
            if alpha > 0 {
                for (old, &new) in pixel.iter_mut().zip(&stroke.colour) {
                    let mix = u32::from(*old) * (255 - u32::from(alpha)) + u32::from(new) * u32::from(alpha);
                    *old = ((mix + 127) / 255) as u8;
                }
            }
        }
    }

    /// Sets `text` with its anchor at (x, y), `size` pixels a line.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, size: f64, colour: Rgb, align: Align) -> Result<()> {
        let left = x - align.0 * Self::text_width(text, size)?;
        // plotters puts the baseline half a line below the position.
        let top = y + CAP * size / 2.0 - size / 2.0;
        self.set(text, size, colour, FontTransform::None, (left, top))
    }

    /// Sets `text` upwards, centred on (x, y).
    pub fn text_upwards(&mut self, (x, y): (f64, f64), text: &str, size: f64, colour: Rgb) -> Result<()> {
        let start = y + Self::text_width(text, size)? / 2.0;
        let top = x + CAP * size / 2.0 - size / 2.0;
        self.set(text, size, colour, FontTransform::Rotate270, (top, start))
    }

    fn set(&mut self, text: &str, size: f64, colour: Rgb, transform: FontTransform, (x, y): (f64, f64)) -> Result<()> {
        let size_px = (self.width as u32, self.height as u32);
        let colour = RGBColor(colour[0], colour[1], colour[2]);
        let style = TextStyle::from((SANS, size * SCALE as f64).into_font().transform(transform)).color(&colour);
        let at = ((x * SCALE as f64).round() as i32, (y * SCALE as f64).round() as i32);
        BitMapBackend::with_buffer(&mut self.rgb, size_px).draw_text(text, &style, at).map_err(unset)
    }

    /// Width of `text` in figure pixels.
    pub fn text_width(text: &str, size: f64) -> Result<f64> {
        let (width, _) = (SANS, size * SCALE as f64).into_font().box_size(text).map_err(unset)?;
        Ok(f64::from(width) / SCALE as f64)
    }

    /// `text`, cut with an ellipsis where it is wider than `room`.
    pub fn fitted(text: &str, size: f64, room: f64) -> Result<String> {
        let mut fitted = text.to_owned();
        let mut kept = text.chars().count();
        while kept > 0 && Self::text_width(&fitted, size)? > room {
            kept -= 1;
            fitted = text.chars().take(kept).chain(['…']).collect();
        }
        Ok(fitted)
    }
}

fn unset(e: impl std::fmt::Display) -> Error {
    Error::argument("figure text", "text that the embedded font can set", e)
}

/// Figure coordinate to device pixel, clipped.
fn device(v: f64, limit: usize) -> usize {
    ((v * SCALE as f64).round().max(0.0) as usize).min(limit)
}

/// How much of each device pixel a curve covers, 0 to 255.
struct Coverage {
    width: usize,
    height: usize,
    alpha: Vec<u8>,
}

impl Coverage {
    fn new(width: usize, height: usize) -> Self {
        Coverage { width, height, alpha: vec![0; width * height] }
    }

    /// Adds a segment with round ends: alpha falls from 1 to 0 over the pixel at distance `radius`.
    fn segment(&mut self, a: (f64, f64), b: (f64, f64), radius: f64) {
        let scale = SCALE as f64;
        let (a, b) = ((a.0 * scale, a.1 * scale), (b.0 * scale, b.1 * scale));
        let reach = radius * scale + 1.0;
        let clip = |v: f64, limit: usize| v.max(0.0).min(limit as f64) as usize;
        let (x0, x1) = (clip(a.0.min(b.0) - reach, self.width), clip(a.0.max(b.0) + reach + 1.0, self.width));
        let (y0, y1) = (clip(a.1.min(b.1) - reach, self.height), clip(a.1.max(b.1) + reach + 1.0, self.height));
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let squared = dx * dx + dy * dy;
        for y in y0..y1 {
            for x in x0..x1 {
                let (px, py) = (x as f64 + 0.5 - a.0, y as f64 + 0.5 - a.1);
                let along = if squared > 0.0 { ((px * dx + py * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
                let distance = (px - along * dx).hypot(py - along * dy);
                let alpha = (255.0 * (radius * scale + 0.5 - distance).clamp(0.0, 1.0)) as u8;
                let pixel = &mut self.alpha[y * self.width + x];
                *pixel = alpha.max(*pixel);
            }
        }
    }
}

/// Cuts a curve into dashes, carrying the phase from segment to segment.
struct Dashes {
    pattern: Option<(f64, f64)>,
    travelled: f64,
}

impl Dashes {
    fn cut(&mut self, a: (f64, f64), b: (f64, f64), mut draw: impl FnMut((f64, f64), (f64, f64))) {
        let Some((dash, gap)) = self.pattern else { return draw(a, b) };
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        let at = |s: f64| (a.0 + (b.0 - a.0) * s / length, a.1 + (b.1 - a.1) * s / length);
        let mut s = 0.0;
        while s < length {
            let phase = (self.travelled + s) % (dash + gap);
            let (on, rest) = if phase < dash { (true, dash - phase) } else { (false, dash + gap - phase) };
            // At least a hundredth of a pixel, so that rounding of the phase cannot stop the walk.
            let end = (s + rest.max(0.01)).min(length);
            if on {
                draw(at(s), at(end));
            }
            s = end;
        }
        self.travelled += length;
    }
}

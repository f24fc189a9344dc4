//! Curves in one pair of axes: losses over steps, errors over sizes.

use std::path::Path;

use super::axis::Axis;
use super::canvas::{Canvas, Rect, Stroke};
use super::frame::{Entry, Frame, heading, key, key_width, y_tick_room};
use super::{Image, left_out, palette, range_of};
use crate::error::{Error, Result};

const WIDTH: usize = 900;
const HEIGHT: usize = 520;

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the key; empty for none.
    pub label: String,
    /// Its points (x, y), joined in this order.
    pub points: Vec<(f64, f64)>,
}

/// Curves in one pair of axes, 900 x 520 pixels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinePlot {
    /// Title.
    pub title: String,
    /// Name of the x axis, with its unit.
    pub x_label: String,
    /// Name of the y axis, with its unit.
    pub y_label: String,
    /// Whether x is drawn on a log axis.
    pub log_x: bool,
    /// Whether y is drawn on a log axis.
    pub log_y: bool,
    /// The curves.
    pub series: Vec<Series>,
}

/// Draws `plot` to the PNG file `path`.
///
/// # Errors
/// As [`LinePlot::render`] and [`Image::save`].
pub fn line_plot(path: &Path, plot: &LinePlot) -> Result<()> {
    plot.render()?.save(path)
}

impl LinePlot {
    /// Draws the figure. Points that are not finite (on a log axis: or not positive) are left out, break their curve and are counted
    /// under the title; a figure of nothing but such points has empty axes.
    ///
    /// # Errors
    /// [`Error::Argument`] without any point.
    pub fn render(&self) -> Result<Image> {
        let total: usize = self.series.iter().map(|s| s.points.len()).sum();
        if total == 0 {
            return Err(Error::argument("series", "one or more points", "none"));
        }
        let (x, y) = self.axes();
        let missing = self.points().filter(|p| !(x.takes(p.0) && y.takes(p.1))).count();
        let why = if self.log_x || self.log_y { "not finite, or not positive on a log axis" } else { "not finite" };
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let notes: Vec<String> = left_out(missing, "point", why).into_iter().collect();
        let top = heading(&mut canvas, &self.title, &notes, WIDTH as f64)?;
        let entries: Vec<Entry> = self.series.iter().enumerate().map(|(i, s)| entry(i, s)).collect();
        let label_room = if self.y_label.is_empty() { 8.0 } else { 26.0 };
        let rect = Rect {
            x0: (y_tick_room(&y)? + label_room).round(),
            y0: top,
            x1: (WIDTH as f64 - 24.0 - key_width(&entries)?).round(),
            y1: HEIGHT as f64 - if self.x_label.is_empty() { 32.0 } else { 54.0 },
        };
        let frame = Frame { rect, x, y };
        frame.grid(&mut canvas);
        for (series, entry) in self.series.iter().zip(&entries) {
            draw_curve(&mut canvas, &frame, &series.points, entry.stroke);
        }
        frame.decorate(&mut canvas, &self.x_label, &self.y_label, true)?;
        key(&mut canvas, &frame.rect, &entries)?;
        Ok(canvas.finish())
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.series.iter().flat_map(|s| s.points.iter().copied())
    }

    /// Axes over the points that have a place on both.
    fn axes(&self) -> (Axis, Axis) {
        let takes = |v: f64, log: bool| super::drawable(v) && (!log || v > 0.0);
        let drawn = || self.points().filter(|p| takes(p.0, self.log_x) && takes(p.1, self.log_y));
        let x = Axis::new(range_of(drawn().map(|p| p.0)), self.log_x, 0.01, 9);
        let y = Axis::new(range_of(drawn().map(|p| p.1)), self.log_y, 0.04, 9);
        (x, y)
    }
}

fn entry(index: usize, series: &Series) -> Entry {
    let (colour, dash) = palette::curve(index);
    Entry { label: series.label.clone(), stroke: Stroke { colour, width: 1.8, dash } }
}

/// Draws a curve, broken where a point has no place on the axes.
pub(super) fn draw_curve(canvas: &mut Canvas, frame: &Frame, points: &[(f64, f64)], stroke: Stroke) {
    let takes = |p: &(f64, f64)| frame.x.takes(p.0) && frame.y.takes(p.1);
    for piece in points.split(|p| !takes(p)) {
        let placed: Vec<(f64, f64)> = piece.iter().map(|p| frame.place(p.0, p.1)).collect();
        canvas.curve(&thinned(&placed), stroke);
    }
}

/// The same picture with fewer points: of neighbours in one half-pixel column, the first, lowest, highest and last.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let column = |p: &(f64, f64)| (2.0 * p.0).floor();
    let mut kept = Vec::new();
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        if run.len() <= 4 {
            kept.extend_from_slice(run);
            continue;
        }
        let index = |better: fn(f64, f64) -> bool| {
            (0..run.len()).fold(0, |best, i| if better(run[i].1, run[best].1) { i } else { best })
        };
        let mut chosen = [0, index(|a, b| a < b), index(|a, b| a > b), run.len() - 1];
        chosen.sort_unstable();
        kept.extend(chosen.map(|i| run[i]));
    }
    kept
}

//! A field over two coordinates: prediction, reference and absolute error side by side.

use std::path::Path;

use super::axis::{Axis, short_number};
use super::canvas::{CENTRE, Canvas, INK, MISSING, Rect};
use super::frame::{Frame, LABEL, TICK, colour_bar, heading, widest, y_tick_room};
use super::palette::Map;
use super::{Image, check_grid, check_length, left_out, range_of};
use crate::error::{Error, Result};

const WIDTH: usize = 1200;
const HEIGHT: usize = 420;

/// A predicted field and its reference, 1200 x 420 pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields<'a> {
    /// Title.
    pub title: String,
    /// Coordinates of the columns: finite, strictly increasing.
    pub x: &'a [f64],
    /// Coordinates of the rows: finite, strictly increasing.
    pub y: &'a [f64],
    /// The prediction `[y][x]`, row-major.
    pub prediction: &'a [f64],
    /// The reference `[y][x]`, row-major.
    pub reference: &'a [f64],
    /// Name of the x axis, with its unit.
    pub x_label: String,
    /// Name of the y axis, with its unit.
    pub y_label: String,
}

/// Draws `fields` to the PNG file `path`.
///
/// # Errors
/// As [`Fields::render`] and [`Image::save`].
pub fn field_triptych(path: &Path, fields: &Fields) -> Result<()> {
    fields.render()?.save(path)
}

impl Fields<'_> {
    /// Draws the figure. Each pixel has the colour of the grid point that is nearest; prediction and reference share one colour
    /// range; the error's is logarithmic where it spans decades. Values that are not finite are grey and counted under the title.
    ///
    /// # Errors
    /// [`Error::Argument`] for coordinates that are not finite and increasing, arrays of the wrong length, or no finite value at all.
    pub fn render(&self) -> Result<Image> {
        check_grid("x", self.x)?;
        check_grid("y", self.y)?;
        check_length("prediction", self.prediction, self.x.len() * self.y.len())?;
        check_length("reference", self.reference, self.x.len() * self.y.len())?;
        let values = range_of(self.prediction.iter().chain(self.reference).copied());
        if values.is_none() {
            return Err(Error::argument("prediction and reference", "a finite value", "none"));
        }
        let error = errors(self.prediction, self.reference);
        let shared = Axis::new(values, false, 0.0, 6);
        let error_axis = error_axis(&error, 0.0, 6);
        let largest = match range_of(error.iter().copied()) {
            Some((_, hi)) => format!("|error|, max {}", short_number(hi)),
            None => "|error|, none finite".to_owned(),
        };
        let panels = [
            Panel { title: "prediction".to_owned(), values: self.prediction, bar: &shared, map: Map::Field },
            Panel { title: "reference".to_owned(), values: self.reference, bar: &shared, map: Map::Field },
            Panel { title: largest, values: &error, bar: &error_axis, map: Map::Error },
        ];
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let top = heading(&mut canvas, &self.title, &self.notes(), WIDTH as f64)?;
        let third = WIDTH as f64 / 3.0;
        for (index, panel) in panels.iter().enumerate() {
            let left = index as f64 * third;
            self.draw(&mut canvas, panel, Rect { x0: left, y0: top, x1: left + third, y1: HEIGHT as f64 })?;
        }
        Ok(canvas.finish())
    }

    fn notes(&self) -> Vec<String> {
        [("prediction", self.prediction), ("reference", self.reference)]
            .into_iter()
            .filter_map(|(name, values)| {
                let missing = values.iter().filter(|v| !super::drawable(**v)).count();
                left_out(missing, &format!("{name} value"), "not finite")
            })
            .collect()
    }

    /// Draws one panel with its colour bar into `outer`.
    fn draw(&self, canvas: &mut Canvas, panel: &Panel, outer: Rect) -> Result<()> {
        const BAR: f64 = 14.0;
        let x = Axis::new(Some(extent(self.x)), false, 0.0, 5);
        let y = Axis::new(Some(extent(self.y)), false, 0.0, 6);
        let bar_labels = widest(panel.bar.ticks.iter().map(|t| t.label.as_str()), TICK)?;
        let label_room = if self.y_label.is_empty() { 8.0 } else { 26.0 };
        let rect = Rect {
            x0: (outer.x0 + y_tick_room(&y)? + label_room).round(),
            y0: outer.y0 + 22.0,
            x1: (outer.x1 - bar_labels - 8.0 - BAR - 18.0).round(),
            y1: outer.y1 - if self.x_label.is_empty() { 32.0 } else { 54.0 },
        };
        let columns = cells(self.x, &x);
        let rows = cells(self.y, &y);
        canvas.image(rect, |u, v| {
            let (column, row) = (nearest(&columns, u), nearest(&rows, v));
            let value = panel.values[row * self.x.len() + column];
            if super::drawable(value) { panel.map.colour(panel.bar.fraction(value)) } else { MISSING }
        });
        let centre = (rect.x0 + rect.x1) / 2.0;
        let title = Canvas::fitted(&panel.title, LABEL, rect.width() + 40.0)?;
        canvas.text((centre, outer.y0 + 8.0), &title, LABEL, INK, CENTRE)?;
        Frame { rect, x, y }.decorate(canvas, &self.x_label, &self.y_label, true)?;
        let bar = Rect { x0: rect.x1 + 10.0, x1: rect.x1 + 10.0 + BAR, ..rect };
        colour_bar(canvas, bar, panel.bar, |t| panel.map.colour(t))
    }
}

struct Panel<'a> {
    title: String,
    values: &'a [f64],
    bar: &'a Axis,
    map: Map,
}

/// |prediction - reference|, NaN where either has no drawable value.
pub(super) fn errors(prediction: &[f64], reference: &[f64]) -> Vec<f64> {
    let error = |(&p, &r): (&f64, &f64)| {
        if super::drawable(p) && super::drawable(r) { (p - r).abs() } else { f64::NAN }
    };
    prediction.iter().zip(reference).map(error).collect()
}

/// The axis of an absolute error: from 0, or logarithmic where the median lies more than a factor 30 below the maximum, so that a
/// single peak does not flatten all the rest. The log axis covers five decades at most: what is smaller, zeros included, is its end.
pub(super) fn error_axis(error: &[f64], pad: f64, most: usize) -> Axis {
    let mut positive: Vec<f64> = error.iter().copied().filter(|v| super::drawable(*v) && *v > 0.0).collect();
    if positive.is_empty() {
        return Axis::new(Some((0.0, 1.0)), false, 0.0, most);
    }
    positive.sort_unstable_by(f64::total_cmp);
    let (least, median, largest) = (positive[0], positive[positive.len() / 2], positive[positive.len() - 1]);
    if median < largest / 30.0 {
        Axis::new(Some((least.max(largest / 1e5), largest)), true, pad, most)
    } else {
        Axis::new(Some((0.0, largest)), false, pad, most)
    }
}

/// The interval that the grid covers; a single point gets a unit interval (or one in proportion to it) around itself.
fn extent(grid: &[f64]) -> (f64, f64) {
    let (first, last) = (grid[0], grid[grid.len() - 1]);
    if grid.len() > 1 {
        return (first, last);
    }
    let half = 0.5 * first.abs().max(1.0);
    (first - half, first + half)
}

/// Upper ends of the cells of all grid points but the last, as fractions of the axis: midpoints between neighbours.
fn cells(grid: &[f64], axis: &Axis) -> Vec<f64> {
    grid.windows(2).map(|w| axis.fraction(w[0] + (w[1] - w[0]) / 2.0)).collect()
}

/// Index of the cell that holds the fraction `t`.
fn nearest(ends: &[f64], t: f64) -> usize {
    ends.partition_point(|end| *end <= t)
}

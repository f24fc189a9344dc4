//! A prediction against its reference over one coordinate, with the error below.

use std::path::Path;

use super::axis::{Axis, short_number};
use super::canvas::{Canvas, Rect, Stroke};
use super::field::{error_axis, errors};
use super::frame::{Entry, Frame, heading, key, key_width, y_tick_room};
use super::line::draw_curve;
use super::{Image, check_grid, check_length, left_out, palette, range_of};
use crate::error::{Error, Result};

const WIDTH: usize = 900;
const HEIGHT: usize = 560;

/// A prediction and its reference over one coordinate, 900 x 560 pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile<'a> {
    /// Title.
    pub title: String,
    /// The coordinate: finite, strictly increasing.
    pub x: &'a [f64],
    /// The prediction, one value for each of `x`.
    pub prediction: &'a [f64],
    /// The reference, one value for each of `x`.
    pub reference: &'a [f64],
    /// Name of the coordinate, with its unit.
    pub x_label: String,
    /// Name of the quantity, with its unit.
    pub y_label: String,
}

/// Draws `profile` to the PNG file `path`.
///
/// # Errors
/// As [`Profile::render`] and [`Image::save`].
pub fn profile_plot(path: &Path, profile: &Profile) -> Result<()> {
    profile.render()?.save(path)
}

impl Profile<'_> {
    /// Draws the figure: both curves above, the absolute error below, on a log axis where it spans decades. Values that are not
    /// finite break their curve and are counted under the title.
    ///
    /// # Errors
    /// [`Error::Argument`] for coordinates that are not finite and increasing, arrays of the wrong length, or no finite value at all.
    pub fn render(&self) -> Result<Image> {
        check_grid("x", self.x)?;
        check_length("prediction", self.prediction, self.x.len())?;
        check_length("reference", self.reference, self.x.len())?;
        let values = range_of(self.prediction.iter().chain(self.reference).copied());
        if values.is_none() {
            return Err(Error::argument("prediction and reference", "a finite value", "none"));
        }
        let error = errors(self.prediction, self.reference);
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let count = |v: &[f64]| v.iter().filter(|v| !super::drawable(**v)).count();
        let missing = count(self.prediction) + count(self.reference);
        let notes: Vec<String> = left_out(missing, "value", "not finite").into_iter().collect();
        let top = heading(&mut canvas, &self.title, &notes, WIDTH as f64)?;
        let x = Axis::new(range_of(self.x.iter().copied()), false, 0.01, 9);
        let above = Axis::new(values, false, 0.05, 6);
        let below = error_axis(&error, 0.05, 5);
        let entries = self.entries(&error);
        let left = y_tick_room(&above)?.max(y_tick_room(&below)?) + 26.0;
        let right = WIDTH as f64 - 24.0 - key_width(&entries)?;
        let bottom = HEIGHT as f64 - if self.x_label.is_empty() { 32.0 } else { 54.0 };
        let middle = (top + 0.62 * (bottom - top)).round();
        let upper = Rect { x0: left.round(), y0: top, x1: right.round(), y1: middle };
        let lower = Rect { y0: middle + 22.0, y1: bottom, ..upper };
        let upper = Frame { rect: upper, x: x.clone(), y: above };
        let lower = Frame { rect: lower, x, y: below };
        upper.grid(&mut canvas);
        lower.grid(&mut canvas);
        let on_x = |y: &[f64]| -> Vec<(f64, f64)> { self.x.iter().copied().zip(y.iter().copied()).collect() };
        draw_curve(&mut canvas, &upper, &on_x(self.reference), entries[0].stroke);
        draw_curve(&mut canvas, &upper, &on_x(self.prediction), entries[1].stroke);
        draw_curve(&mut canvas, &lower, &on_x(&error), entries[2].stroke);
        upper.decorate(&mut canvas, "", &self.y_label, false)?;
        lower.decorate(&mut canvas, &self.x_label, "|error|", true)?;
        key(&mut canvas, &upper.rect, &entries[..2])?;
        key(&mut canvas, &lower.rect, &entries[2..])?;
        Ok(canvas.finish())
    }

    fn entries(&self, error: &[f64]) -> [Entry; 3] {
        let entry = |label: String, colour, width, dash| Entry { label, stroke: Stroke { colour, width, dash } };
        let largest = range_of(error.iter().copied()).map_or_else(|| "none".to_owned(), |(_, hi)| short_number(hi));
        [
            entry("reference".to_owned(), palette::REFERENCE, 2.4, None),
            entry("prediction".to_owned(), palette::PREDICTION, 2.0, Some((7.0, 4.0))),
            entry(format!("|error|, max {largest}"), palette::PREDICTION, 1.6, None),
        ]
    }
}

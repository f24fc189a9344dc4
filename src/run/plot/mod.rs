//! Figures as PNG files, drawn without a display and without the system's fonts.
//!
//! Each figure is plain data ([`LinePlot`], [`Fields`], [`Profile`]) that renders to an [`Image`]; the functions that take a path
//! render and write it. Values that cannot be drawn are left out and counted under the title, never silently.

mod axis;
mod canvas;
pub mod field;
mod frame;
pub mod line;
mod palette;
pub mod profile;

use std::path::Path;

use plotters::prelude::{BitMapBackend, DrawingBackend};

use crate::data::write_atomic_at;
use crate::error::{Error, Result};

pub use field::{Fields, field_triptych};
pub use line::{LinePlot, Series, line_plot};
pub use profile::{Profile, profile_plot};

/// A colour, 8 bits of sRGB a channel.
pub(crate) type Rgb = [u8; 3];

/// A rendered figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 * width * height` bytes: rows from the top, red, green, blue.
    pub rgb: Vec<u8>,
}

impl Image {
    /// Writes the image as a PNG file.
    ///
    /// # Errors
    /// [`Error::Argument`] when `path` does not end in `.png` or `rgb` has the wrong length; [`Error::File`] when the file cannot be
    /// written.
    pub fn save(&self, path: &Path) -> Result<()> {
        if path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
            return Err(Error::argument("figure path", "a name that ends in .png", path.display()));
        }
        let expected = 3 * self.width as usize * self.height as usize;
        if self.rgb.len() != expected || expected == 0 {
            let got = format!("{} bytes for {} x {} pixels", self.rgb.len(), self.width, self.height);
            return Err(Error::argument("rgb", "3 bytes for each of one or more pixels", got));
        }
        write_atomic_at(path, |temporary| {
            let size = (self.width, self.height);
            let mut backend = BitMapBackend::new(temporary, size);
            backend
                .blit_bitmap((0, 0), size, &self.rgb)
                .and_then(|()| backend.present())
                .map_err(|e| Error::file(path, format!("the figure cannot be written: {e}")))
        })
    }
}

/// Beyond this magnitude differences of two values may overflow; such values are treated as not finite.
const LARGEST: f64 = 1e307;

/// Whether `value` can be placed on a linear axis.
fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// Least and greatest drawable value, or none.
fn range_of(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| drawable(*v)).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((lo, hi)) => Some((v.min(lo), v.max(hi))),
    })
}

/// Checks that grid coordinates can carry a field: one or more, finite, strictly increasing.
fn check_grid(argument: &str, grid: &[f64]) -> Result<()> {
    if grid.is_empty() {
        return Err(Error::argument(argument, "one or more grid coordinates", "none"));
    }
    if let Some(i) = grid.iter().position(|v| !drawable(*v)) {
        return Err(Error::argument(argument, "finite coordinates", format!("{:?} at index {i}", grid[i])));
    }
    if let Some(i) = grid.windows(2).position(|w| w[0] >= w[1]) {
        let got = format!("{:?} then {:?} at index {i}", grid[i], grid[i + 1]);
        return Err(Error::argument(argument, "strictly increasing coordinates", got));
    }
    Ok(())
}

/// Checks the length of an array of values on a grid.
fn check_length(argument: &str, values: &[f64], points: usize) -> Result<()> {
    if values.len() == points {
        return Ok(());
    }
    Err(Error::argument(argument, format!("{points} values, one for each grid point"), values.len()))
}

/// The line under the title that owns up to what was left out; none when nothing was.
fn left_out(count: usize, what: &str, why: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}{} not drawn: {why}", if count == 1 { "" } else { "s" }))
}

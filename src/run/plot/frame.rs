//! A pair of axes with their labels, and the key of the curves.

use super::Rgb;
use super::axis::Axis;
use super::canvas::{CENTRE, Canvas, FAINT, GRID, INK, LEFT, RIGHT, Rect, Stroke};
use crate::error::Result;

/// Text sizes: pixels a line.
pub(super) const TITLE: f64 = 21.0;
pub(super) const LABEL: f64 = 17.0;
pub(super) const TICK: f64 = 15.0;

/// A rectangle with an axis along its bottom and one along its left edge.
pub(super) struct Frame {
    pub rect: Rect,
    pub x: Axis,
    pub y: Axis,
}

impl Frame {
    /// Where a point lies on the canvas.
    pub fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let r = &self.rect;
        (r.x0 + self.x.fraction(x) * r.width(), r.y1 - self.y.fraction(y) * r.height())
    }

    /// Draws the grid lines, behind the curves.
    pub fn grid(&self, canvas: &mut Canvas) {
        let r = &self.rect;
        for tick in &self.x.ticks {
            let x = r.x0 + self.x.fraction(tick.value) * r.width();
            canvas.hairline((x, r.y0), (x, r.y1), GRID);
        }
        for tick in &self.y.ticks {
            let y = r.y1 - self.y.fraction(tick.value) * r.height();
            canvas.hairline((r.x0, y), (r.x1, y), GRID);
        }
    }

    /// Draws border, ticks, tick labels and the names of the axes. An empty name is left out; `x_labels` is false for a frame whose
    /// neighbour below has the same axis.
    pub fn decorate(&self, canvas: &mut Canvas, x_label: &str, y_label: &str, x_labels: bool) -> Result<()> {
        let r = self.rect;
        canvas.border(r, INK);
        self.x_ticks(canvas, x_labels)?;
        self.y_ticks(canvas)?;
        if !x_label.is_empty() && x_labels {
            let text = Canvas::fitted(x_label, LABEL, r.width() + 40.0)?;
            canvas.text(((r.x0 + r.x1) / 2.0, r.y1 + 37.0), &text, LABEL, INK, CENTRE)?;
        }
        if !y_label.is_empty() {
            let text = Canvas::fitted(y_label, LABEL, r.height() + 20.0)?;
            let x = r.x0 - y_tick_room(&self.y)? - 13.0;
            canvas.text_upwards((x, (r.y0 + r.y1) / 2.0), &text, LABEL, INK)?;
        }
        Ok(())
    }

    fn x_ticks(&self, canvas: &mut Canvas, labels: bool) -> Result<()> {
        let r = self.rect;
        let at = |v: f64| r.x0 + self.x.fraction(v) * r.width();
        for &value in &self.x.minor {
            canvas.hairline((at(value), r.y1), (at(value), r.y1 + 2.0), INK);
        }
        let mut free_from = f64::NEG_INFINITY;
        for tick in &self.x.ticks {
            let x = at(tick.value);
            canvas.hairline((x, r.y1), (x, r.y1 + 4.0), INK);
            let half = Canvas::text_width(&tick.label, TICK)? / 2.0;
            // A label that would touch the one before it is left out; its tick stays.
            if labels && x - half > free_from {
                canvas.text((x, r.y1 + 15.0), &tick.label, TICK, INK, CENTRE)?;
                free_from = x + half + 6.0;
            }
        }
        Ok(())
    }

    fn y_ticks(&self, canvas: &mut Canvas) -> Result<()> {
        let r = self.rect;
        let at = |v: f64| r.y1 - self.y.fraction(v) * r.height();
        for &value in &self.y.minor {
            canvas.hairline((r.x0 - 2.0, at(value)), (r.x0, at(value)), INK);
        }
        for tick in &self.y.ticks {
            let y = at(tick.value);
            canvas.hairline((r.x0 - 4.0, y), (r.x0, y), INK);
            canvas.text((r.x0 - 8.0, y + 0.5), &tick.label, TICK, INK, RIGHT)?;
        }
        Ok(())
    }
}

/// Width that the labels of an axis at the left take, with their ticks.
pub(super) fn y_tick_room(axis: &Axis) -> Result<f64> {
    Ok(8.0 + widest(axis.ticks.iter().map(|t| t.label.as_str()), TICK)?)
}

/// Width of the widest text.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, size: f64) -> Result<f64> {
    texts.into_iter().try_fold(0.0_f64, |widest, text| Ok(widest.max(Canvas::text_width(text, size)?)))
}

/// Draws the title, and under it in grey the `notes` about what was left out; returns the y at which the figure goes on.
pub(super) fn heading(canvas: &mut Canvas, title: &str, notes: &[String], width: f64) -> Result<f64> {
    let mut y = 12.0;
    if !title.is_empty() {
        let text = Canvas::fitted(title, TITLE, width - 24.0)?;
        canvas.text((width / 2.0, y + 10.0), &text, TITLE, INK, CENTRE)?;
        y += 26.0;
    }
    if !notes.is_empty() {
        let text = Canvas::fitted(&notes.join("; "), TICK, width - 24.0)?;
        canvas.text((width / 2.0, y + 6.0), &text, TICK, FAINT, CENTRE)?;
        y += 18.0;
    }
    Ok(y + 8.0)
}

/// A curve's name and look, for the key.
pub(super) struct Entry {
    pub label: String,
    pub stroke: Stroke,
}

/// Longest name in a key; longer ones are cut.
const KEY_TEXT: f64 = 220.0;
const KEY_LINE: f64 = 22.0;

/// Width of a key with these entries, 0 when none has a name.
pub(super) fn key_width(entries: &[Entry]) -> Result<f64> {
    let width = widest(entries.iter().map(|e| e.label.as_str()), TICK)?;
    Ok(if width > 0.0 { 16.0 + 26.0 + 8.0 + width.min(KEY_TEXT) } else { 0.0 })
}

/// Draws the key to the right of `rect`. Entries that do not fit its height are counted in a last line.
pub(super) fn key(canvas: &mut Canvas, rect: &Rect, entries: &[Entry]) -> Result<()> {
    let named: Vec<&Entry> = entries.iter().filter(|e| !e.label.is_empty()).collect();
    let room = ((rect.height() / KEY_LINE) as usize).max(1);
    let shown = if named.len() > room { room - 1 } else { named.len() };
    let left = rect.x1 + 16.0;
    let line = |index: usize| rect.y0 + 10.0 + index as f64 * KEY_LINE;
    for (index, entry) in named.iter().take(shown).enumerate() {
        let y = line(index);
        canvas.curve(&[(left, y), (left + 26.0, y)], entry.stroke);
        let text = Canvas::fitted(&entry.label, TICK, KEY_TEXT)?;
        canvas.text((left + 34.0, y), &text, TICK, INK, LEFT)?;
    }
    if shown < named.len() {
        let text = format!("and {} more", named.len() - shown);
        canvas.text((left + 34.0, line(shown)), &text, TICK, FAINT, LEFT)?;
    }
    Ok(())
}

/// A vertical colour bar in `rect` with its ticks and labels to the right.
pub(super) fn colour_bar(canvas: &mut Canvas, rect: Rect, axis: &Axis, colour: impl Fn(f64) -> Rgb) -> Result<()> {
    canvas.image(rect, |_, v| colour(v));
    canvas.border(rect, INK);
    let mut free_below = f64::INFINITY;
    for &value in &axis.minor {
        let y = rect.y1 - axis.fraction(value) * rect.height();
        canvas.hairline((rect.x1, y), (rect.x1 + 2.0, y), INK);
    }
    for tick in &axis.ticks {
        let y = rect.y1 - axis.fraction(tick.value) * rect.height();
        canvas.hairline((rect.x1, y), (rect.x1 + 4.0, y), INK);
        if y < free_below {
            canvas.text((rect.x1 + 8.0, y + 0.5), &tick.label, TICK, INK, LEFT)?;
            free_below = y - TICK;
        }
    }
    Ok(())
}

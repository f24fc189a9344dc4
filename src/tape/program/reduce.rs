//! Launches of reductions: which kernel of `shaders/reduce` for which shape, and in how many passes.

use super::ir::reduce_view;
use super::launch::{Launch, Source, words};
use super::matmul::Target;
use super::place::{Place, Places};
use crate::error::{Error, Result};
use crate::ops::Reduction;
use crate::tensor::DType;

/// Most workgroups along one dimension of a dispatch.
const GRID: usize = 65_535;

/// One pass over `[outer, axis, inner]`.
#[derive(Clone, Copy)]
struct Pass {
    outer: usize,
    axis: usize,
    inner: usize,
    /// Elements of the axis that one invocation (or workgroup) joins.
    chunk: usize,
    /// By workgroups instead of single invocations.
    grouped: bool,
    /// Distances between neighbours along the outer axis and the reduced one.
    strides: [usize; 2],
    from_state: bool,
    to_state: bool,
}

impl Pass {
    /// Rows whose elements are neighbours; anything else runs as columns.
    fn is_rows(&self) -> bool {
        self.inner == 1 && (self.strides[1] == 1 || self.axis == 1)
    }

    fn parts(&self) -> usize {
        self.axis.div_ceil(self.chunk).max(1)
    }
}

/// What is reduced how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reduce<'a> {
    pub reduction: Reduction,
    pub axes: &'a [usize],
    pub dtype: DType,
}

/// The launches that reduce `input` into `out`. Long axes take several passes, whose states go to scratch buffers.
pub(super) fn launches(
    label: &str,
    reduce: Reduce,
    input: &Place,
    out: &Place,
    places: &mut Places,
    target: Target,
) -> Result<Vec<Launch>> {
    let Reduce { reduction, axes, dtype } = reduce;
    let view = reduce_view(&input.layout, axes)
        .ok_or_else(|| Error::argument("reduce", "neighbouring axes that strides can express", format!("{axes:?}")))?;
    let (outer, axis, inner) = (view.shape[0], view.shape[1], view.shape[2]);
    // Words of a state: an argument of the maximum carries its position.
    let state = if reduction == Reduction::ArgMax { 2 } else { 1 };
    let grouped = !target.software && inner == 1 && view.strides[1] == 1 && axis >= 512;
    let strides = [view.strides[0], view.strides[1]];
    let mut pass = Pass { outer, axis, inner, chunk: 0, grouped, strides, from_state: false, to_state: false };
    let mut source = (input.buffer, view.offset);
    let mut launches = Vec::new();
    loop {
        pass.chunk = match (grouped, pass.is_rows()) {
            (true, _) => 8192,
            (false, true) => 1024,
            (false, false) => 512,
        };
        let parts = pass.parts();
        pass.to_state = parts > 1;
        let sink = if pass.to_state {
            places.sizes.push(outer * parts * inner * state);
            (places.sizes.len() - 1, 0)
        } else {
            (out.buffer, out.layout.offset)
        };
        if source.0 == sink.0 {
            return Err(Error::argument("reduce", "a result in a buffer of its own", label));
        }
        launches.extend(dispatches(label, reduction, dtype, pass, source, sink, target.int64)?);
        if !pass.to_state {
            return Ok(launches);
        }
        source = sink;
        pass = Pass { axis: parts, strides: [parts * inner, inner], from_state: true, ..pass };
    }
}

/// The dispatches of one pass: more than one where the rows exceed the grid.
fn dispatches(
    label: &str,
    reduction: Reduction,
    dtype: DType,
    pass: Pass,
    source: (usize, usize),
    sink: (usize, usize),
    int64: bool,
) -> Result<Vec<Launch>> {
    let grouped = pass.grouped;
    let parts = pass.parts();
    let rows = pass.is_rows();
    let fours = |n: usize| n.is_multiple_of(4);
    let aligned = fours(source.1) && fours(pass.strides[0]) && !pass.from_state && pass.axis > 0;
    let vector = aligned && if rows { fours(pass.axis) } else { fours(pass.inner) && fours(pass.strides[1]) };
    let columns = if !rows && vector { 4 } else { 1 };
    let group = if grouped { 256 } else { 64 };
    let along_parts = rows && !grouped && pass.outer < group && parts > 1;
    let flat = !rows && pass.inner / columns < group;
    // Rows that one dispatch covers, and its grid for a number of rows.
    let span = if rows && !grouped && !along_parts { GRID * group } else { GRID };
    let grid = |count: usize| match (rows, grouped, along_parts, flat) {
        (true, true, ..) => [count, parts, 1],
        (true, _, true, _) => [parts.div_ceil(group), count, 1],
        (true, ..) => [count.div_ceil(group), parts, 1],
        (false, _, _, true) => [(parts * pass.inner / columns).div_ceil(group), count, 1],
        (false, ..) => [(pass.inner / columns).div_ceil(group), count, parts],
    };
    let key = match (rows, grouped) {
        (true, true) => "reduce/rows_group",
        (true, false) => "reduce/rows",
        (false, _) => "reduce/columns",
    };
    let code = match dtype {
        DType::F32 => 0,
        DType::U32 => 1,
        DType::I32 => 2,
        DType::Bool => return Err(Error::argument("reduce", "numbers", "bool")),
    };
    let defines = vec![
        ("DTYPE", code),
        ("SUM", i64::from(reduction == Reduction::Sum)),
        ("SMALLEST", i64::from(reduction == Reduction::Min)),
        ("ARG", i64::from(reduction == Reduction::ArgMax)),
        ("FROM_STATE", i64::from(pass.from_state)),
        ("TO_STATE", i64::from(pass.to_state)),
        ("WIDE", i64::from(int64 && vector)),
        ("VEC", i64::from(vector)),
        ("COLS", columns as i64),
        ("WG", group as i64),
        ("OUT", 1),
        ("CHUNK_LANES", i64::from(along_parts)),
        ("FLAT", i64::from(flat)),
    ];
    (0..pass.outer.div_ceil(span))
        .map(|at| {
            let first = at * span;
            let groups = grid(span.min(pass.outer - first));
            if groups.iter().any(|&g| g > GRID) {
                return Err(Error::argument("reduce", "at most 65535 workgroups a dimension", format!("{groups:?}")));
            }
            let params = words(
                &[&[pass.outer, pass.axis, pass.inner, source.1, sink.1, pass.chunk, parts, first][..], &pass.strides]
                    .concat(),
            )?;
            Ok(Launch {
                label: format!("{} {label}", reduction.name()),
                source: Source::File { key, defines: defines.clone(), inserts: vec![] },
                bindings: vec![(source.0, false), (sink.0, true)],
                params,
                groups: groups.map(|g| g.max(1) as u32),
                faults: false,
            })
        })
        .collect()
}

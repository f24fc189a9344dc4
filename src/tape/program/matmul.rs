//! Launches of matrix products: which kernel of `shaders/matmul` for which shape, how its operands are bound, when the sum over k
//! is split.

use super::elementwise::{Generated, Store};
use super::ir::matrix_layout;
use super::launch::{Launch, Source, words};
use super::place::{Place, Places};
use super::reduce::{self, Reduce};
use crate::error::{Error, Result};
use crate::ops::Reduction;
use crate::tensor::{DType, Layout, Shape};

/// Most workgroups along one dimension of a dispatch.
const GRID: usize = 65_535;
/// Longest sum of one invocation.
const CHUNK: usize = 8192;

/// What the choice of a kernel depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// The adapter runs on the CPU: barriers are dear, loads by the word.
    pub software: bool,
    /// Subgroup operations with at least eight lanes.
    pub octets: bool,
    /// 64-bit integers.
    pub int64: bool,
}

/// A product `[batch, m, k] x [batch, k, n]` with its layouts.
#[derive(Debug)]
pub(super) struct Product {
    a: Layout,
    b: Layout,
    c: Layout,
}

/// A function of each result, and what it binds.
pub(super) struct Epilogue {
    /// Declares its operands at bindings 3 and up and defines `epilogue`.
    pub text: String,
    pub bindings: Vec<(usize, bool)>,
    /// Fields of the parameter block behind those of the product, and their values.
    pub fields: String,
    pub params: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lane { columns: usize },
    Octet { rows: usize, vectors: usize },
    Group { rows: usize },
    RowDot { rows: usize, group: usize },
}

impl Product {
    /// The product of operands and result that lie like this; `transposed` operands are given with their last axes exchanged.
    pub fn new(a: &Layout, b: &Layout, c: &Layout, transposed: [bool; 2]) -> Result<Self> {
        let view = |layout: &Layout, transposed: bool| {
            let matrix = matrix_layout(layout).ok_or_else(|| {
                Error::argument("matmul", "leading axes that strides can express", format!("{layout:?}"))
            })?;
            Ok(if transposed { matrix.permute(&[0, 2, 1]) } else { matrix })
        };
        let product = Product { a: view(a, transposed[0])?, b: view(b, transposed[1])?, c: view(c, false)? };
        for (name, layout) in [("second factor", &product.b), ("result", &product.c)] {
            if layout.shape[2] > 1 && layout.strides[2] != 1 {
                let expected = format!("a {name} whose columns lie side by side");
                return Err(Error::argument("matmul", expected, format!("{layout:?}")));
            }
        }
        Ok(product)
    }

    fn m(&self) -> usize {
        self.c.shape[1]
    }

    fn n(&self) -> usize {
        self.c.shape[2]
    }

    fn k(&self) -> usize {
        self.a.shape[2]
    }

    fn batch(&self) -> usize {
        self.c.shape[0]
    }

    fn form(&self, target: Target) -> Form {
        let (m, n) = (self.m(), self.n());
        if n <= 4 {
            let rows = (m / 8).clamp(1, 8);
            return Form::RowDot { rows, group: if target.software { 8 } else { 64 } };
        }
        match (target.software, target.octets) {
            (true, true) => {
                let rows_lie_side_by_side = self.a.strides[1] == 1 && self.a.strides[2] != 1;
                let step = if rows_lie_side_by_side && m >= 32 { 32 } else { 8 };
                let rows = m.next_multiple_of(step).min(64);
                let large = 2 * self.batch() * m * n * self.k() > 1_000_000_000;
                Form::Octet {
                    rows,
                    vectors: if n <= 32 {
                        1
                    } else if n >= 512 && large {
                        4
                    } else {
                        2
                    },
                }
            }
            (true, false) => Form::Lane { columns: (n / 16).clamp(1, 8).next_power_of_two().min(8) },
            (false, _) => Form::Group {
                rows: if m > 32 {
                    64
                } else if m > 16 {
                    32
                } else {
                    16
                },
            },
        }
    }
}

impl Form {
    fn key(self) -> &'static str {
        match self {
            Form::Lane { .. } => "matmul/lane",
            Form::Octet { .. } => "matmul/octet",
            Form::Group { .. } => "matmul/group",
            Form::RowDot { .. } => "matmul/row_dot",
        }
    }

    /// Rows and columns of one workgroup's tile.
    fn tile(self, n: usize) -> [usize; 2] {
        match self {
            Form::Lane { columns } => [32 * 8 / columns, 4 * 4 * columns],
            Form::Octet { rows, vectors } => [rows, 32 * vectors],
            Form::Group { rows } => [rows, 64],
            Form::RowDot { rows, group } => [rows * group, n],
        }
    }
}

/// Into how many parts the sum over k is cut so that enough workgroups have work: 1 where there are enough tiles.
pub(super) fn splits(product: &Product, target: Target) -> usize {
    let [rows, columns] = product.form(target).tile(product.n());
    let tiles = product.m().div_ceil(rows) * product.n().div_ceil(columns) * product.batch();
    let wanted: usize = if target.software { 8 } else { 256 };
    // A part shorter than 256 costs more in its reduction than it gains.
    let useful = wanted.div_ceil(tiles.max(1)).min(product.k() / 256);
    useful.max(product.k().div_ceil(CHUNK)).max(1)
}

/// The launches of a product of `buffers` (A, B, C). A split product writes its parts to a scratch buffer and adds them up.
pub(super) fn launches(
    label: &str,
    product: &Product,
    buffers: [usize; 3],
    epilogue: Option<&Epilogue>,
    places: &mut Places,
    target: Target,
) -> Result<Vec<Launch>> {
    let parts = splits(product, target);
    if parts == 1 {
        return dispatches(label, product, buffers, epilogue, 1, 0, target);
    }
    // The parts lie one behind the other as contiguous [parts, batch, m, n].
    let shape = product.c.shape.clone();
    let size = shape.elements();
    places.sizes.push(parts * size);
    let scratch = places.sizes.len() - 1;
    let partial = Product { a: product.a.clone(), b: product.b.clone(), c: Layout::contiguous(&shape) };
    let mut launches = dispatches(label, &partial, [buffers[0], buffers[1], scratch], None, parts, size, target)?;
    let stack = Layout::contiguous(&Shape::from([parts, size]));
    let sum = Reduce { reduction: Reduction::Sum, axes: &[0], dtype: DType::F32 };
    let input = Place { buffer: scratch, layout: stack };
    if product.c.is_contiguous() {
        let out = Place { buffer: buffers[2], layout: product.c.clone() };
        launches.extend(reduce::launches(label, sum, &input, &out, places, target)?);
        return Ok(launches);
    }
    // A result with gaps: the sum goes through a second scratch buffer and is copied into place.
    places.sizes.push(size);
    let whole = Place { buffer: places.sizes.len() - 1, layout: Layout::contiguous(&Shape::from([size])) };
    launches.extend(reduce::launches(label, sum, &input, &whole, places, target)?);
    let from = Place { buffer: whole.buffer, layout: Layout::contiguous(&shape) };
    let to = Place { buffer: buffers[2], layout: product.c.clone() };
    launches.push(copy(label, &from, &to)?.into());
    Ok(launches)
}

fn copy(label: &str, from: &Place, to: &Place) -> Result<Generated> {
    let spec = crate::ops::Spec::new(from.layout.shape.clone(), DType::F32);
    let mut fused = super::elementwise::copy(from, Some(to), &spec, None);
    fused.stores = vec![Store { place: Some(to.clone()), dtype: DType::F32, guard: None }];
    super::elementwise::kernel(format!("place {label}"), &fused, 64)
}

fn fours(values: &[usize]) -> bool {
    values.iter().all(|v| v.is_multiple_of(4))
}

/// The values that the composer needs for this layout.
fn defines(
    product: &Product,
    form: Form,
    parts: usize,
    chunk: usize,
    c_split: usize,
    target: Target,
) -> Vec<(&'static str, i64)> {
    let (m, n, k) = (product.m(), product.n(), product.k());
    let (a, b, c) = (&product.a, &product.b, &product.c);
    let lines = a.strides[2] == 1 && fours(&[a.offset, a.strides[0], a.strides[1], k]);
    let columns = a.strides[1] == 1 && fours(&[a.offset, a.strides[0], a.strides[2], m]);
    let vec_b = fours(&[n, b.offset, b.strides[0], b.strides[1]]);
    let vec_c = fours(&[n, c.offset, c.strides[0], c.strides[1], c_split]);
    // A k below 4 is one step of its own length.
    let step = if k < 4 && parts == 1 { k } else { 4 };
    let tail = !k.is_multiple_of(step) || !chunk.is_multiple_of(step);
    let flag = |name, on: bool| (name, i64::from(on));
    let number = |name, value: usize| (name, value as i64);
    let mode = |by_columns: bool| number("A_MODE", if lines { 1 } else { 2 * usize::from(columns && by_columns) });
    let mut names = vec![flag("SPLIT", parts > 1)];
    match form {
        Form::Lane { columns } => {
            names.extend([number("TM", 32), number("VN", 4), number("LX", columns), number("WG", 8), mode(true)]);
            names.extend([flag("VEC_B", vec_b), flag("VEC_C", vec_c), flag("K_TAIL", tail), number("KU", step)]);
        }
        Form::Octet { rows, vectors } => {
            names.extend([number("R", rows), number("VN", vectors), flag("WIDE", target.int64)]);
            names.push(mode(rows.is_multiple_of(32)));
            names.extend([flag("VEC_B", vec_b), flag("VEC_C", vec_c), flag("K_TAIL", tail), number("KU", step)]);
        }
        Form::Group { rows } => {
            names.extend([number("TM", rows), number("A_MODE", 2 * usize::from(columns)), flag("K_TAIL", true)]);
            names.extend([flag("VEC_B", vec_b), flag("VEC_C", vec_c)]);
        }
        Form::RowDot { rows, group } => {
            let line = n == 1 && b.strides[1] == 1 && fours(&[b.offset, b.strides[0], k]) && !tail;
            names.extend([number("R", rows), number("WG", group), number("N", n)]);
            names.push(number("A_MODE", usize::from(lines)));
            names.extend([flag("B_LINE", line), flag("K_TAIL", tail), number("KU", step)]);
        }
    }
    names
}

/// The dispatches of one product: more than one where rows or matrices exceed the grid.
fn dispatches(
    label: &str,
    product: &Product,
    buffers: [usize; 3],
    epilogue: Option<&Epilogue>,
    parts: usize,
    c_split: usize,
    target: Target,
) -> Result<Vec<Launch>> {
    let form = product.form(target);
    let (m, n, k, batch) = (product.m(), product.n(), product.k(), product.batch());
    let [rows, columns] = form.tile(n);
    let (row_tiles, column_tiles) = (m.div_ceil(rows), n.div_ceil(columns));
    if column_tiles > GRID || parts > GRID {
        return Err(Error::argument("matmul", format!("at most {} columns", GRID * columns), n));
    }
    let chunk = if parts == 1 { k } else { k.div_ceil(parts).next_multiple_of(4) };
    let mut bindings = vec![(buffers[0], false), (buffers[1], false), (buffers[2], true)];
    let mut inserts = Vec::new();
    if let Some(epilogue) = epilogue {
        bindings.extend(&epilogue.bindings);
        inserts.push(("EPILOGUE", epilogue.text.clone()));
        if !epilogue.params.is_empty() {
            inserts.push(("EPILOGUE_PARAMS", epilogue.fields.clone()));
        }
    }
    let defines = defines(product, form, parts, chunk, c_split, target);
    let matrices = GRID / parts;
    let (a, b, c) = (&product.a, &product.b, &product.c);
    let mut launches = Vec::new();
    for first_matrix in (0..batch).step_by(matrices) {
        let in_dispatch = matrices.min(batch - first_matrix);
        for first_tile in (0..row_tiles).step_by(GRID) {
            let tiles = GRID.min(row_tiles - first_tile);
            let z = in_dispatch * parts;
            let groups = if matches!(form, Form::RowDot { .. }) { [tiles, 1, z] } else { [column_tiles, tiles, z] };
            let mut params = words(&[
                m,
                n,
                k,
                in_dispatch,
                a.strides[0],
                a.strides[1],
                a.strides[2],
                b.strides[0],
                b.strides[1],
                c.strides[0],
                c.strides[1],
                a.offset,
                b.offset,
                c.offset,
                first_tile * rows,
                first_matrix,
                chunk,
                c_split,
            ])?;
            params.extend(epilogue.iter().flat_map(|e| &e.params));
            launches.push(Launch {
                label: format!("matmul {label}"),
                source: Source::File { key: form.key(), defines: defines.clone(), inserts: inserts.clone() },
                bindings: bindings.clone(),
                params,
                groups: groups.map(|g| g as u32),
                faults: false,
            });
        }
    }
    Ok(launches)
}

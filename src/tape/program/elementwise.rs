//! WGSL of elementwise kernels: the maps of a group inlined into one function, operands read and results written through their
//! strides. Sizes and strides are parameters, so that one pipeline serves every shape of the same form.

use super::groups::Group;
use super::ir::{Ir, identity};
use super::iteration::{Iteration, merge};
use super::place::{Place, Places};
use crate::error::{Error, Result};
use crate::expr::{Dag, Id};
use crate::ops::{Spec, scalar_type};
use crate::tensor::{DType, Layout};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A kernel as text, with what it binds (buffer, written) and its parameter block.
#[derive(Debug, Clone)]
pub(super) struct Generated {
    pub label: String,
    pub text: String,
    pub bindings: Vec<(usize, bool)>,
    pub params: Vec<u32>,
    pub groups: [u32; 3],
    /// The last binding is the fault word.
    pub faults: bool,
}

/// The scalar function of a group: one input a distinct place, one output a stored value.
pub(super) struct Fused {
    pub dag: Dag,
    pub loads: Vec<(Place, DType)>,
    pub stores: Vec<Store>,
}

/// A result of an elementwise kernel.
pub(super) struct Store {
    /// Where it goes; nowhere when it is only checked.
    pub place: Option<Place>,
    pub dtype: DType,
    /// The bit of the fault word that a value which is not finite sets.
    pub guard: Option<u32>,
}

/// Inlines the maps of a group. Values in `registers` are given by the kernel around it: inputs of their own, in that order,
/// before the loads.
pub(super) fn fuse(
    ir: &Ir,
    places: &Places,
    group: &Group,
    guards: &BTreeMap<usize, u32>,
    registers: &[usize],
) -> Result<Fused> {
    let mut dag = Dag::new();
    let mut known: BTreeMap<usize, Id> = BTreeMap::new();
    for &value in registers {
        known.insert(value, dag.input(scalar_type(ir.nodes[value].spec.dtype)));
    }
    let mut loads: Vec<(Place, DType)> = Vec::new();
    let mut inputs: Vec<Id> = Vec::new();
    for value in group.loads(ir) {
        if known.contains_key(&value) {
            continue;
        }
        let dtype = ir.nodes[value].spec.dtype;
        let load = (places.of[value].clone(), dtype);
        let position = loads.iter().position(|l| *l == load).unwrap_or_else(|| {
            loads.push(load);
            inputs.push(dag.input(scalar_type(dtype)));
            loads.len() - 1
        });
        known.insert(value, inputs[position]);
    }
    for &member in &group.members {
        let node = &ir.nodes[member];
        let lost = || Error::argument("fusion", "operands before their use", format!("value %{member} out of order"));
        let args: Vec<Id> =
            node.inputs.iter().map(|i| known.get(i).copied().ok_or_else(lost)).collect::<Result<_>>()?;
        let function = node.map().ok_or_else(lost)?;
        let output = dag.inline(function, &args)?[0];
        known.insert(member, output);
    }
    let mut stores = Vec::new();
    for &value in &group.stored {
        dag.output(known[&value]);
        stores.push(Store {
            place: Some(places.of[value].clone()),
            dtype: ir.nodes[value].spec.dtype,
            guard: guards.get(&value).copied(),
        });
    }
    Ok(Fused { dag, loads, stores })
}

/// Columns and rows of one workgroup of `invocations`: as many columns as the innermost axis can use.
fn tile(inner: usize, rows: usize, invocations: usize) -> (usize, usize) {
    if rows == 1 {
        return (invocations, 1);
    }
    let columns = inner.next_power_of_two().clamp(8, invocations);
    (columns, invocations / columns)
}

/// Names of parameters, in order, with their values.
#[derive(Default)]
pub(super) struct Params {
    names: Vec<String>,
    pub words: Vec<u32>,
}

impl Params {
    pub fn add(&mut self, name: String, value: usize) -> Result<String> {
        let word = u32::try_from(value).map_err(|_| {
            Error::argument("array", "fewer than 2^32 elements", format!("{value} elements or strides"))
        })?;
        self.words.push(word);
        let used = format!("params.{name}");
        self.names.push(name);
        Ok(used)
    }

    /// The fields of the parameter struct.
    pub fn fields(&self) -> String {
        self.names.iter().map(|n| format!("    {n}: u32,\n")).collect()
    }
}

/// The address of an operand at the indices named `index`, outermost first. Strides of 0 and 1 are part of the code's form.
pub(super) fn address(
    params: &mut Params,
    tag: &str,
    offset: usize,
    strides: &[usize],
    index: &[String],
) -> Result<String> {
    let mut terms: Vec<String> = Vec::new();
    if offset != 0 {
        terms.push(params.add(format!("{tag}_offset"), offset)?);
    }
    for (axis, (&stride, name)) in strides.iter().zip(index).enumerate() {
        match stride {
            0 => {}
            1 => terms.push(name.clone()),
            _ => {
                let stride = params.add(format!("{tag}_stride{axis}"), stride)?;
                terms.push(format!("{name} * {stride}"));
            }
        }
    }
    Ok(if terms.is_empty() { "0u".into() } else { terms.join(" + ") })
}

/// What is loaded from storage as a value of the dtype.
pub(super) fn load(buffer: &str, address: &str, dtype: DType) -> String {
    match dtype {
        DType::Bool => format!("{buffer}[{address}] != 0u"),
        _ => format!("{buffer}[{address}]"),
    }
}

fn stored(value: &str, dtype: DType) -> String {
    if dtype == DType::Bool { format!("select(0u, 1u, {value})") } else { value.to_string() }
}

/// Buffers in binding order, with whether they are written and what they hold.
#[derive(Default)]
pub(super) struct Bindings {
    pub list: Vec<(usize, bool, DType)>,
}

impl Bindings {
    pub fn name(&mut self, buffer: usize, written: bool, dtype: DType) -> String {
        let at = self.list.iter().position(|(b, _, _)| *b == buffer).unwrap_or_else(|| {
            self.list.push((buffer, false, dtype));
            self.list.len() - 1
        });
        self.list[at].1 |= written;
        format!("b{at}")
    }

    /// Declarations from binding `first` on.
    pub fn declarations(&self, first: usize) -> String {
        let mut text = String::new();
        for (at, (_, written, dtype)) in self.list.iter().enumerate() {
            let access = if *written { "read_write" } else { "read" };
            let _ = writeln!(
                text,
                "@group(0) @binding({}) var<storage, {access}> b{at}: array<{}>;",
                first + at,
                dtype.storage_wgsl()
            );
        }
        text
    }
}

/// A copy from one place to another of the same shape.
pub(super) fn copy(from: &Place, to: Option<&Place>, spec: &Spec, guard: Option<u32>) -> Fused {
    Fused {
        dag: identity(spec),
        loads: vec![(from.clone(), spec.dtype)],
        stores: vec![Store { place: to.cloned(), dtype: spec.dtype, guard }],
    }
}

/// The kernel of a scalar function over all elements of its operands' shape.
pub(super) fn kernel(label: String, fused: &Fused, invocations: usize) -> Result<Generated> {
    let layouts: Vec<&Layout> = fused
        .loads
        .iter()
        .map(|(p, _)| &p.layout)
        .chain(fused.stores.iter().flat_map(|s| &s.place).map(|p| &p.layout))
        .collect();
    let Iteration { sizes, strides, offsets } = merge(&layouts);
    let rank = sizes.len();
    let (inner, rows) = (sizes[rank - 1], sizes[..rank - 1].iter().product::<usize>());
    let (columns, tile_rows) = tile(inner, rows, invocations);

    let mut params = Params::default();
    let inner_size = params.add("inner".into(), inner)?;
    let row_count = params.add("rows".into(), rows)?;
    let mut index_code = String::new();
    let mut index: Vec<String> = vec![String::new(); rank];
    index[rank - 1] = "x".into();
    let mut rest = "row".to_string();
    for axis in (0..rank - 1).rev() {
        if axis == 0 {
            index[0] = rest.clone();
            break;
        }
        let size = params.add(format!("size{axis}"), sizes[axis])?;
        let _ = writeln!(index_code, "    let i{axis} = {rest} % {size};\n    let r{axis} = {rest} / {size};");
        index[axis] = format!("i{axis}");
        rest = format!("r{axis}");
    }

    let mut bindings = Bindings::default();
    let mut loads = String::new();
    let mut names = Vec::new();
    for (at, (place, dtype)) in fused.loads.iter().enumerate() {
        let buffer = bindings.name(place.buffer, false, *dtype);
        let address = address(&mut params, &format!("in{at}"), offsets[at], &strides[at], &index)?;
        let _ = writeln!(loads, "    let x{at} = {};", load(&buffer, &address, *dtype));
        names.push(format!("x{at}"));
    }
    let code = fused.dag.to_wgsl(&names);
    let mut stores = String::new();
    let mut operand = fused.loads.len();
    for (at, store) in fused.stores.iter().enumerate() {
        let result = &code.outputs[at];
        if let Some(place) = &store.place {
            let buffer = bindings.name(place.buffer, true, store.dtype);
            let address = address(&mut params, &format!("out{at}"), offsets[operand], &strides[operand], &index)?;
            let _ = writeln!(stores, "    {buffer}[{address}] = {};", stored(result, store.dtype));
            operand += 1;
        }
        if let Some(bit) = store.guard {
            let _ = writeln!(
                stores,
                "    if (bitcast<u32>({result}) & 0x7f800000u) == 0x7f800000u {{ atomicOr(&fault[0], {}u); }}",
                1u32 << bit
            );
        }
    }
    let faults = fused.stores.iter().any(|s| s.guard.is_some());
    let mut text = String::new();
    let imports: BTreeSet<&str> = code.imports.iter().copied().collect();
    imports.iter().for_each(|i| {
        let _ = writeln!(text, "#import {i}");
    });
    let _ = write!(text, "struct Params {{\n{}}}\n#params Params\n", params.fields());
    text += &bindings.declarations(0);
    if faults {
        let at = bindings.list.len();
        let _ = writeln!(text, "@group(0) @binding({at}) var<storage, read_write> fault: array<atomic<u32>>;");
    }
    let flat = rows == 1;
    let grid = grid(inner.div_ceil(columns), rows.div_ceil(tile_rows), flat)?;
    let locate = if flat {
        format!("    let x = (wg.x + wg.y * n.x) * {columns}u + lid.x;\n    let row = 0u;\n")
    } else {
        format!("    let x = wg.x * {columns}u + lid.x;\n    let row = (wg.y + wg.z * n.y) * {tile_rows}u + lid.y;\n")
    };
    let _ = write!(
        text,
        "{}
@compute @workgroup_size({columns}, {tile_rows})
fn main(
    @builtin(workgroup_id) wg: vec3<u32>,
    @builtin(num_workgroups) n: vec3<u32>,
    @builtin(local_invocation_id) lid: vec3<u32>,
) {{
{locate}    if x >= {inner_size} || row >= {row_count} {{
        return;
    }}
{index_code}{loads}{}{stores}}}
",
        code.functions, code.body
    );
    let list = bindings.list.iter().map(|&(b, w, _)| (b, w)).collect();
    Ok(Generated { label, text, bindings: list, params: params.words, groups: grid, faults })
}

/// Workgroups for `columns` x `rows` tiles: rows fold over y and z, a single row of tiles over x and y.
fn grid(columns: usize, rows: usize, flat: bool) -> Result<[u32; 3]> {
    const MOST: usize = 65_535;
    let [x, y, z] = if flat {
        let x = columns.min(MOST);
        [x, columns.div_ceil(x), 1]
    } else {
        let y = rows.min(MOST);
        [columns, y, rows.div_ceil(y)]
    };
    if [x, y, z].iter().any(|&g| g > MOST) {
        return Err(Error::argument(
            "array",
            "at most 65535 x 65535 workgroups of elements a row",
            format!("{columns} x {rows} workgroups"),
        ));
    }
    Ok([x as u32, y as u32, z as u32])
}

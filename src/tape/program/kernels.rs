//! Launches of the ops that have kernels of their own.

use super::ir::{Ir, IrNode};
use super::launch::{Launch, Source, groups_of_64, words};
use super::matmul::{self, Target};
use super::place::{Place, Places};
use super::reduce::{self, Reduce};
use crate::error::{Error, Result};
use crate::ops::{Op, Spec};
use crate::tape::{Action, CustomOp};
use crate::tensor::DType;
use std::sync::Arc;

/// Most iterations of all loops of one invocation.
pub(super) const LOOP_LIMIT: usize = 32_768;

/// The launches that compute value `index`. Scratch buffers they need are appended to `places`.
pub(super) fn launches(ir: &Ir, index: usize, places: &mut Places, target: Target) -> Result<Vec<Launch>> {
    let node = &ir.nodes[index];
    if node.spec.shape.elements() == 0 {
        return Ok(Vec::new());
    }
    let operand = |places: &Places, position: usize| places.of[node.inputs[position]].clone();
    let out = places.of[index].clone();
    let specs: Vec<Spec> = node.inputs.iter().map(|&i| ir.nodes[i].spec.clone()).collect();
    match &node.action {
        Action::Custom(custom) => Ok(vec![self::custom(custom, node, &specs, places, &out)?]),
        Action::Op(Op::Iota { shape, axis }) => {
            let inner = shape[axis + 1..].iter().product();
            Ok(vec![plain(
                format!("iota %{index}"),
                "movement/iota",
                vec![],
                vec![(out.buffer, true)],
                &[shape.elements(), inner, shape[*axis]],
                shape.elements(),
            )?])
        }
        Action::Op(Op::Gather { batch }) => {
            gather(index, *batch, &specs, &node.spec, &[operand(places, 0), operand(places, 1), out])
        }
        Action::Op(Op::ScatterAdd { batch, .. }) => {
            scatter(index, *batch, &specs, &node.spec, &[operand(places, 0), operand(places, 1), out])
        }
        Action::Op(Op::RandomBits { shape }) => {
            let lanes = specs[0].shape.elements() / 2;
            let (key, counter) = (operand(places, 0), operand(places, 1));
            let blocks = shape.elements().div_ceil(4);
            let offsets = [key.layout.offset, counter.layout.offset, out.layout.offset];
            let bindings = distinct("random_bits", &[&key, &counter], &out)?;
            let params = [&[lanes, shape.elements(), blocks][..], &offsets].concat();
            Ok(vec![plain(format!("random_bits %{index}"), "random/bits", vec![], bindings, &params, lanes * blocks)?])
        }
        Action::Op(Op::MatMul { transpose_a, transpose_b }) => {
            let product = matmul::Product::new(
                &operand(places, 0).layout,
                &operand(places, 1).layout,
                &out.layout,
                [*transpose_a, *transpose_b],
            )?;
            let buffers = [operand(places, 0).buffer, operand(places, 1).buffer, out.buffer];
            matmul::launches(&format!("%{index}"), &product, buffers, None, places, target)
        }
        Action::Op(Op::Reduce { reduction, axes }) => {
            let input = operand(places, 0);
            let reduce = Reduce { reduction: *reduction, axes, dtype: specs[0].dtype };
            reduce::launches(&format!("%{index}"), reduce, &input, &out, places, target)
        }
        Action::Op(op) => Err(Error::argument("compile", "an op with a kernel", op.name())),
    }
}

/// Reads of distinct buffers and the written one, in this order.
fn distinct(what: &str, inputs: &[&Place], out: &Place) -> Result<Vec<(usize, bool)>> {
    if inputs.iter().any(|p| p.buffer == out.buffer) {
        return Err(Error::argument(what, "a result in a buffer of its own", "a result among its operands"));
    }
    Ok(inputs.iter().map(|p| (p.buffer, false)).chain([(out.buffer, true)]).collect())
}

fn plain(
    label: String,
    key: &'static str,
    inserts: Vec<(&'static str, String)>,
    bindings: Vec<(usize, bool)>,
    params: &[usize],
    items: usize,
) -> Result<Launch> {
    Ok(Launch {
        label,
        source: Source::File { key, defines: vec![], inserts },
        bindings,
        params: words(params)?,
        groups: groups_of_64(items),
        faults: false,
    })
}

/// The element type of a shader that moves or adds elements.
pub(super) fn element(dtype: DType) -> String {
    format!("alias T = {};", dtype.storage_wgsl())
}

fn gather(index: usize, batch: usize, specs: &[Spec], out: &Spec, places: &[Place; 3]) -> Result<Vec<Launch>> {
    let width = specs[0].shape[batch + 1..].iter().product();
    let params = [
        out.shape.elements(),
        specs[0].shape[batch],
        specs[1].shape[batch],
        width,
        places[0].layout.offset,
        places[1].layout.offset,
        places[2].layout.offset,
    ];
    let bindings = distinct("gather", &[&places[0], &places[1]], &places[2])?;
    let inserts = vec![("ELEMENT", element(specs[0].dtype))];
    let mut launch =
        plain(format!("gather %{index}"), "movement/gather", inserts, bindings, &params, out.shape.elements())?;
    launch.faults = true;
    Ok(vec![launch])
}

fn scatter(index: usize, batch: usize, specs: &[Spec], out: &Spec, places: &[Place; 3]) -> Result<Vec<Launch>> {
    let width = specs[0].shape[batch + 1..].iter().product();
    let (rows, count) = (out.shape[batch], specs[1].shape[batch]);
    let bindings = distinct("scatter_add", &[&places[0], &places[1]], &places[2])?;
    let chunks = count.div_ceil(LOOP_LIMIT).max(1);
    (0..chunks)
        .map(|chunk| {
            let (first, last) = (chunk * LOOP_LIMIT, ((chunk + 1) * LOOP_LIMIT).min(count));
            let offsets = [places[0].layout.offset, places[1].layout.offset, places[2].layout.offset];
            let params = [&[out.shape.elements(), rows, count, width, first, last][..], &offsets].concat();
            let inserts = vec![("ELEMENT", element(specs[0].dtype))];
            let label = format!("scatter_add %{index}");
            let mut launch =
                plain(label, "movement/scatter_add", inserts, bindings.clone(), &params, out.shape.elements())?;
            launch.faults = true;
            Ok(launch)
        })
        .collect()
}

fn custom(op: &Arc<CustomOp>, node: &IrNode, specs: &[Spec], places: &Places, out: &Place) -> Result<Launch> {
    let Some(kernel) = &op.kernel else {
        return Err(Error::argument("compile", "a custom op with a kernel", format!("`{}` without", op.name)));
    };
    let inputs: Vec<&Place> = node.inputs.iter().map(|&i| &places.of[i]).collect();
    if inputs.iter().any(|p| p.layout.offset != 0) || out.layout.offset != 0 {
        return Err(Error::argument("compile", "operands of a fused kernel at the start of their buffers", &op.name));
    }
    Ok(Launch {
        label: op.name.clone(),
        source: Source::Custom {
            key: kernel.source.clone(),
            entry: kernel.entry.clone(),
            defines: kernel.defines.clone(),
        },
        bindings: distinct(&op.name, &inputs, out)?,
        params: (kernel.params)(specs, &node.spec),
        groups: (kernel.groups)(specs, &node.spec),
        faults: false,
    })
}

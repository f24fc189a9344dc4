//! Elementwise work in the epilogue of a matrix product: a group of maps whose only operand of that size is a product, read by
//! nothing else, is computed on the product's registers. The product itself is never written.

use super::elementwise::{Bindings, Params, address, fuse, load};
use super::groups::Group;
use super::ir::Ir;
use super::levels::Levels;
use super::matmul::{self, Epilogue, Product, Target};
use super::place::{Place, Places};
use crate::error::Result;
use crate::ops::Op;
use crate::tape::Action;
use crate::tensor::{DType, Layout};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A product that ends in a group of maps.
pub(super) struct Fused {
    /// Position of the group.
    pub group: usize,
    pub product: Product,
    pub epilogue: Epilogue,
    /// Where the group's result goes.
    pub out: Place,
}

/// The products (by value) that can take a group as their epilogue.
pub(super) fn epilogues(
    ir: &Ir,
    places: &Places,
    levels: &Levels,
    groups: &[Group],
    guards: &BTreeMap<usize, u32>,
    target: Target,
) -> Result<BTreeMap<usize, Fused>> {
    let users = ir.users();
    let mut found = BTreeMap::new();
    for (position, group) in groups.iter().enumerate() {
        let &[result] = &group.stored[..] else { continue };
        if guards.contains_key(&result) || ir.nodes[result].spec.dtype != DType::F32 {
            continue;
        }
        for value in group.loads(ir) {
            let Some(product) = whole_product(ir, &users, group, value) else { continue };
            if found.contains_key(&product) {
                continue;
            }
            if let Some(fused) = try_fuse(ir, places, levels, group, position, value, product, target)? {
                found.insert(product, fused);
                break;
            }
        }
    }
    Ok(found)
}

/// The product that `value` shows whole, in order, if only `group` reads it.
fn whole_product(ir: &Ir, users: &[Vec<usize>], group: &Group, value: usize) -> Option<usize> {
    let only_here = |v: usize, allowed: &dyn Fn(usize) -> bool| {
        users[v].iter().all(|&u| allowed(u)) && !ir.outputs.iter().any(|(_, o)| *o == v)
    };
    if !only_here(value, &|u| group.members.contains(&u)) {
        return None;
    }
    let mut at = value;
    while let Some(Op::Reshape { .. }) = ir.nodes[at].op() {
        let source = ir.nodes[at].inputs[0];
        if !only_here(source, &|u| u == at) {
            return None;
        }
        at = source;
    }
    matches!(ir.nodes[at].op(), Some(Op::MatMul { .. })).then_some(at)
}

#[allow(clippy::too_many_arguments)] // one call; the parts are the state of lowering
fn try_fuse(
    ir: &Ir,
    places: &Places,
    levels: &Levels,
    group: &Group,
    position: usize,
    value: usize,
    product: usize,
    target: Target,
) -> Result<Option<Fused>> {
    let node = &ir.nodes[product];
    let Action::Op(Op::MatMul { transpose_a, transpose_b }) = node.action else { return Ok(None) };
    let shape = &node.spec.shape;
    let result = group.stored[0];
    let out = &places.of[result];
    // Everything else that the group reads must be there when the product runs, and lie in other buffers than its result.
    let others: Vec<usize> = group.loads(ir).into_iter().filter(|&v| v != value).collect();
    let late = others.iter().any(|&v| levels.complete[v] >= levels.runs[product]);
    let operands = [node.inputs[0], node.inputs[1]];
    let shared = others.iter().chain(&operands).any(|&v| places.of[v].buffer == out.buffer);
    let in_place = ir.inputs.iter().any(|(_, v)| places.of[*v].buffer == out.buffer);
    if late || shared || in_place {
        return Ok(None);
    }
    let Some(target_layout) = out.layout.reshape(shape) else { return Ok(None) };
    let [a, b] = operands.map(|v| &places.of[v].layout);
    let Ok(product_form) = Product::new(a, b, &target_layout, [transpose_a, transpose_b]) else { return Ok(None) };
    if matmul::splits(&product_form, target) > 1 {
        return Ok(None);
    }
    let fused = fuse(ir, places, group, &BTreeMap::new(), &[value])?;
    let views: Option<Vec<Layout>> =
        fused.loads.iter().map(|(p, _)| p.layout.reshape(shape).and_then(|l| super::ir::matrix_layout(&l))).collect();
    let Some(views) = views else { return Ok(None) };
    let mut params = Params::default();
    let mut bindings = Bindings::default();
    let index = ["batch".to_string(), "row".to_string(), "col".to_string()];
    let mut names = vec!["acc".to_string()];
    let mut loads = String::new();
    for (at, ((place, dtype), view)) in fused.loads.iter().zip(&views).enumerate() {
        let buffer = format!("e{}", bindings.name(place.buffer, false, *dtype));
        let address = address(&mut params, &format!("e{at}"), view.offset, &view.strides, &index)?;
        let _ = writeln!(loads, "    let x{at} = {};", load(&buffer, &address, *dtype));
        names.push(format!("x{at}"));
    }
    let code = fused.dag.to_wgsl(&names);
    let mut text: String = code.imports.iter().map(|i| format!("#import {i}\n")).collect();
    for (at, (_, _, dtype)) in bindings.list.iter().enumerate() {
        let _ = writeln!(
            text,
            "@group(0) @binding({}) var<storage, read> eb{at}: array<{}>;",
            3 + at,
            dtype.storage_wgsl()
        );
    }
    let _ = write!(
        text,
        "{}fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32 {{\n{loads}{}    return {};\n}}",
        code.functions, code.body, code.outputs[0]
    );
    Ok(Some(Fused {
        group: position,
        product: product_form,
        epilogue: Epilogue {
            text,
            bindings: bindings.list.iter().map(|&(b, _, _)| (b, false)).collect(),
            fields: params.fields(),
            params: params.words,
        },
        out: out.clone(),
    }))
}

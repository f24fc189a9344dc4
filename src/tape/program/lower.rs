//! From tape to launches.

use super::elementwise::{self, copy};
use super::fusion::{Fused, epilogues};
use super::groups::{Group, groups};
use super::ir::{Ir, legalise};
use super::kernels;
use super::launch::Launch;
use super::levels::Levels;
use super::matmul::{self, Target};
use super::memory::Lifetime;
use super::place::{Places, place};
use crate::error::Result;
use crate::gpu::{Gpu, Requirement};
use crate::ops::Op;
use crate::tape::Tape;
use crate::tensor::{Array, DType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A program before it meets memory.
pub(super) struct Lowered {
    pub ir: Ir,
    pub places: Places,
    pub launches: Vec<Launch>,
    pub lifetimes: Vec<Option<Lifetime>>,
    /// A name for every buffer, for messages.
    pub names: Vec<String>,
    pub constants: Vec<(usize, Arc<Array>)>,
    /// What each bit of the fault word watches.
    pub guarded: Vec<String>,
}

/// Most watched results: the bits of the fault word below the two for indices.
const GUARDS: usize = 30;

pub(super) fn lower(gpu: &Gpu, tape: &Tape, states: &[(usize, usize)]) -> Result<Lowered> {
    let tape = tape.with_kernels_only()?;
    let mut ir = legalise(&tape);
    let target = Target {
        software: gpu.facts().device_type == "cpu",
        octets: gpu.supports(Requirement::Subgroups) && gpu.facts().subgroup_min >= 8,
        int64: gpu.supports(Requirement::Int64),
    };
    // One binding is kept for the fault word.
    let bindings = (gpu.facts().limits.storage_buffers as usize).saturating_sub(1).max(2);
    let mut copied: Vec<usize> = Vec::new();
    let (mut places, levels, groups) = loop {
        let (places, levels) = place(&mut ir, states, &copied)?;
        let groups = groups(&ir, &levels, &places, bindings);
        match states.iter().position(|&(i, o)| is_torn(&ir, &groups, &places, ir.inputs[i].1, ir.outputs[o].1)) {
            Some(state) => copied.push(state),
            None => break (places, levels, groups),
        }
    };
    let guarded: Vec<(String, usize)> =
        ir.outputs.iter().filter(|(_, v)| ir.nodes[*v].spec.dtype == DType::F32).take(GUARDS).cloned().collect();
    let guards: BTreeMap<usize, u32> = guarded.iter().enumerate().map(|(bit, (_, v))| (*v, bit as u32)).collect();
    let fused = epilogues(&ir, &places, &levels, &groups, &guards, target)?;
    let launches = schedule(&ir, &levels, &groups, &fused, &mut places, &guards, target)?;
    let Description { names, constants, pinned } = describe(&ir, &places);
    let lifetimes = lifetimes(&places, &launches, &pinned);
    Ok(Lowered {
        ir,
        places,
        launches,
        lifetimes,
        names,
        constants,
        guarded: guarded.into_iter().map(|(name, _)| name).collect(),
    })
}

/// True when a state is updated in place but a kernel that runs later, a split part of the same group, reads its old value.
fn is_torn(ir: &Ir, groups: &[Group], places: &Places, input: usize, output: usize) -> bool {
    if places.of[input].buffer != places.of[output].buffer {
        return false;
    }
    let Some(writer) = groups.iter().position(|g| g.members.contains(&output)) else { return false };
    groups[writer + 1..].iter().any(|g| g.level == groups[writer].level && g.loads(ir).contains(&input))
}

/// All launches in the order of their levels; then the checks of results that no map computes, then the states that could not
/// be updated in place.
fn schedule(
    ir: &Ir,
    levels: &Levels,
    groups: &[Group],
    fused: &BTreeMap<usize, Fused>,
    places: &mut Places,
    guards: &BTreeMap<usize, u32>,
    target: Target,
) -> Result<Vec<Launch>> {
    let invocations = if target.software { 64 } else { 256 };
    let last = levels.runs.iter().copied().max().unwrap_or(-1);
    let mut launches = Vec::new();
    for level in 0..=last {
        let absorbed = |at: usize| fused.values().any(|f| f.group == at);
        for (_, group) in groups.iter().enumerate().filter(|(at, g)| g.level == level && !absorbed(*at)) {
            let fused = elementwise::fuse(ir, places, group, guards, &[])?;
            let members: Vec<String> = group.members.iter().map(|m| format!("%{m}")).collect();
            let label = format!("map {}", members.join(" "));
            launches.push(elementwise::kernel(label, &fused, invocations)?.into());
        }
        for index in (0..ir.nodes.len()).filter(|&i| levels.runs[i] == level && ir.nodes[i].is_kernel()) {
            match fused.get(&index) {
                None => launches.extend(kernels::launches(ir, index, places, target)?),
                Some(fused) => {
                    let operand = |at: usize| places.of[ir.nodes[index].inputs[at]].buffer;
                    let buffers = [operand(0), operand(1), fused.out.buffer];
                    let members: Vec<String> = groups[fused.group].members.iter().map(|m| format!("%{m}")).collect();
                    let label = format!("%{index} + {}", members.join(" "));
                    let epilogue = Some(&fused.epilogue);
                    launches.extend(matmul::launches(&label, &fused.product, buffers, epilogue, places, target)?);
                }
            }
        }
    }
    for (&value, &bit) in guards.iter().filter(|(v, _)| ir.nodes[**v].map().is_none()) {
        let fused = copy(&places.of[value], None, &ir.nodes[value].spec, Some(bit));
        if ir.nodes[value].spec.shape.elements() > 0 {
            launches.push(elementwise::kernel(format!("check %{value}"), &fused, invocations)?.into());
        }
    }
    for &(input, output) in &places.copied_states {
        let fused = copy(&places.of[output], Some(&places.of[input]), &ir.nodes[input].spec, None);
        if ir.nodes[input].spec.shape.elements() > 0 {
            launches.push(elementwise::kernel(format!("keep %{output}"), &fused, invocations)?.into());
        }
    }
    Ok(launches)
}

/// What is known of the buffers before any is made.
struct Description {
    names: Vec<String>,
    /// Buffers that hold a constant.
    constants: Vec<(usize, Arc<Array>)>,
    /// Which buffers live as long as the program.
    pinned: Vec<bool>,
}

fn describe(ir: &Ir, places: &Places) -> Description {
    let mut names = vec!["temporary".to_string(); places.sizes.len()];
    let mut pinned = vec![false; places.sizes.len()];
    let mut constants = Vec::new();
    for (index, node) in ir.nodes.iter().enumerate().filter(|(_, n)| n.is_leaf()) {
        let buffer = places.of[index].buffer;
        pinned[buffer] = true;
        if let Some(Op::Constant(array)) = node.op() {
            names[buffer] = format!("constant %{index}");
            constants.push((buffer, array.clone()));
        }
    }
    for (name, value) in ir.inputs.iter().chain(&ir.outputs) {
        let buffer = places.of[*value].buffer;
        if !names[buffer].starts_with("constant") {
            names[buffer].clone_from(name);
        }
        pinned[buffer] = true;
    }
    Description { names, constants, pinned }
}

fn lifetimes(places: &Places, launches: &[Launch], pinned: &[bool]) -> Vec<Option<Lifetime>> {
    let mut lifetimes: Vec<Option<Lifetime>> = vec![None; places.sizes.len()];
    for (at, launch) in launches.iter().enumerate() {
        for &(buffer, _) in launch.bindings.iter().filter(|(b, _)| !pinned.get(*b).copied().unwrap_or(false)) {
            let life =
                lifetimes[buffer].get_or_insert(Lifetime { elements: places.sizes[buffer], first: at, last: at });
            life.last = at;
        }
    }
    lifetimes
}

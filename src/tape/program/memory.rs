//! Which buffers share memory: a temporary whose last reader has run gives its memory to the next one of its size class.

use crate::error::{Error, Result};

/// When a temporary buffer is in use: the first and the last launch that touch it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime {
    pub elements: usize,
    pub first: usize,
    pub last: usize,
}

/// A plan: for each buffer the slot that holds it, and the elements of each slot.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub slot: Vec<Option<usize>>,
    pub slots: Vec<usize>,
}

/// Size class: powers of two with three steps between, so that at most a quarter of a slot is wasted.
fn class(elements: usize) -> Result<usize> {
    if elements <= 64 {
        return Ok(64);
    }
    let step = (elements.next_power_of_two() / 8).max(1);
    let too_large = || Error::argument("array", "fewer than 2^62 elements", elements);
    elements.checked_next_multiple_of(step).ok_or_else(too_large)
}

/// Assigns slots in the order of first use. Buffers without a lifetime (inputs, constants, results, states) get none.
pub(super) fn plan(lifetimes: &[Option<Lifetime>]) -> Result<Plan> {
    let mut order: Vec<usize> = (0..lifetimes.len()).filter(|&b| lifetimes[b].is_some()).collect();
    order.sort_by_key(|&b| lifetimes[b].map(|l| (l.first, b)));
    let mut plan = Plan { slot: vec![None; lifetimes.len()], slots: Vec::new() };
    let mut free_after: Vec<usize> = Vec::new();
    for buffer in order {
        let Some(life) = lifetimes[buffer] else { continue };
        let size = class(life.elements)?;
        let reusable = (0..plan.slots.len()).find(|&s| plan.slots[s] == size && free_after[s] < life.first);
        let slot = reusable.unwrap_or_else(|| {
            plan.slots.push(size);
            free_after.push(0);
            plan.slots.len() - 1
        });
        free_after[slot] = life.last;
        plan.slot[buffer] = Some(slot);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_reused_only_after_the_last_reader() {
        let life = |first, last| Some(Lifetime { elements: 1000, first, last });
        let plan = plan(&[life(0, 2), life(1, 3), life(2, 4), life(3, 5), None]).expect("small sizes");
        let slots: Vec<_> = plan.slot.iter().map(|s| s.map_or(9, |s| s)).collect();
        assert_eq!(slots, [0, 1, 2, 0, 9]);
        assert_eq!(plan.slots, [1024, 1024, 1024]);
    }
}

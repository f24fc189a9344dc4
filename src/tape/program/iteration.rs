//! The loop nest of an elementwise kernel: axes merged where every operand allows it, so that index arithmetic stays small.

use crate::tensor::Layout;

/// Sizes of the merged axes, outermost first, and the strides of each operand along them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Iteration {
    pub sizes: Vec<usize>,
    /// `strides[operand][axis]`.
    pub strides: Vec<Vec<usize>>,
    pub offsets: Vec<usize>,
}

/// Merges the axes of operands of one shape.
pub(super) fn merge(layouts: &[&Layout]) -> Iteration {
    let shape = layouts.first().map(|l| l.shape.to_vec()).unwrap_or_default();
    let offsets = layouts.iter().map(|l| l.offset).collect();
    let mut sizes: Vec<usize> = Vec::new();
    let mut strides: Vec<Vec<usize>> = vec![Vec::new(); layouts.len()];
    for axis in (0..shape.len()).filter(|&a| shape[a] != 1) {
        let joins = sizes.last().is_some_and(|_| {
            layouts.iter().zip(&strides).all(|(l, s)| s.last() == Some(&(l.strides[axis] * shape[axis])))
        });
        if joins {
            if let Some(last) = sizes.last_mut() {
                *last *= shape[axis];
            }
            layouts.iter().zip(&mut strides).for_each(|(l, s)| {
                if let Some(last) = s.last_mut() {
                    *last = l.strides[axis];
                }
            });
        } else {
            sizes.push(shape[axis]);
            layouts.iter().zip(&mut strides).for_each(|(l, s)| s.push(l.strides[axis]));
        }
    }
    if sizes.is_empty() {
        sizes.push(1);
        strides.iter_mut().for_each(|s| s.push(0));
    }
    Iteration { sizes, strides, offsets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    #[test]
    fn contiguous_operands_become_one_axis_and_a_broadcast_row_two() {
        let shape = Shape::from([4, 1, 6, 2]);
        let dense = Layout::contiguous(&shape);
        assert_eq!(merge(&[&dense]).sizes, [48]);
        let row = Layout::contiguous(&Shape::from([6, 2])).broadcast(&shape, &[2, 3]);
        let both = merge(&[&dense, &row]);
        assert_eq!(both.sizes, [4, 12]);
        assert_eq!(both.strides, [vec![12, 1], vec![0, 1]]);
    }
}

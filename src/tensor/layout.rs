//! Layouts: where the elements of a shaped view lie in a buffer. Movement ops are changes of layout, not copies, where they can be.

use super::Shape;

/// A strided view: element `(i0, i1, ..)` lies at `offset + i0*strides[0] + i1*strides[1] + ..`, in elements. A broadcast axis
/// has stride 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Sizes of the axes.
    pub shape: Shape,
    /// Position of the first element.
    pub offset: usize,
    /// Distance between neighbours along each axis.
    pub strides: Vec<usize>,
}

impl Layout {
    /// Row-major from element 0.
    pub fn contiguous(shape: &Shape) -> Self {
        Layout { shape: shape.clone(), offset: 0, strides: shape.strides() }
    }

    /// True when the elements lie row-major without gaps (the offset may be anything).
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for axis in (0..self.shape.rank()).rev() {
            if self.shape[axis] != 1 {
                if self.strides[axis] != expected {
                    return false;
                }
                expected *= self.shape[axis];
            }
        }
        true
    }

    /// Axis `i` of the result is axis `axes[i]` of this view.
    pub fn permute(&self, axes: &[usize]) -> Self {
        Layout {
            shape: Shape::new(axes.iter().map(|&a| self.shape[a]).collect::<Vec<_>>()),
            offset: self.offset,
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
        }
    }

    /// The box that begins at `start` and has `shape`.
    pub fn slice(&self, start: &[usize], shape: &Shape) -> Self {
        let shift: usize = start.iter().zip(&self.strides).map(|(s, t)| s * t).sum();
        Layout { shape: shape.clone(), offset: self.offset + shift, strides: self.strides.clone() }
    }

    /// A view of `shape` in which this view's axis `i` is axis `axes[i]` and every other axis repeats (stride 0).
    pub fn broadcast(&self, shape: &Shape, axes: &[usize]) -> Self {
        let mut strides = vec![0; shape.rank()];
        for (from, &to) in axes.iter().enumerate() {
            strides[to] = self.strides[from];
        }
        Layout { shape: shape.clone(), offset: self.offset, strides }
    }

    /// The same elements in row-major order under another shape, if strides can express it.
    pub fn reshape(&self, shape: &Shape) -> Option<Self> {
        let strides = if self.shape.elements() == 0 { shape.strides() } else { self.reshaped_strides(shape)? };
        Some(Layout { shape: shape.clone(), offset: self.offset, strides })
    }

    /// Walks both shapes from the inside, matching blocks of axes of equal product; inside a block of ours the strides must chain.
    fn reshaped_strides(&self, shape: &Shape) -> Option<Vec<usize>> {
        let ours: Vec<(usize, usize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|&(n, _)| n != 1).collect();
        let mut strides = vec![0; shape.rank()];
        let mut next = ours.len();
        // The current block of ours: `left` elements not yet given out, the next of them `step` apart.
        let (mut left, mut step) = (1, 1);
        for axis in (0..shape.rank()).rev() {
            let size = shape[axis];
            if size == 1 {
                continue;
            }
            if left == 1 {
                next = next.checked_sub(1)?;
                (left, step) = ours[next];
            }
            // A block that `size` does not divide is joined with the next one, if the strides allow it.
            while left % size != 0 {
                next = next.checked_sub(1)?;
                let (n, stride) = ours[next];
                if stride != step * left {
                    return None;
                }
                left *= n;
            }
            strides[axis] = step;
            left /= size;
            step *= size;
        }
        Some(strides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(layout: &Layout) -> Vec<usize> {
        let strides = layout.shape.strides();
        (0..layout.shape.elements())
            .map(|i| {
                layout.offset
                    + (0..layout.shape.rank())
                        .map(|a| i / strides[a] % layout.shape[a] * layout.strides[a])
                        .sum::<usize>()
            })
            .collect()
    }

    #[test]
    fn reshape_keeps_the_row_major_order() {
        let base = Layout::contiguous(&Shape::from([4, 6, 2])).slice(&[1, 0, 0], &Shape::from([2, 6, 2]));
        for shape in [vec![12, 2], vec![24], vec![2, 3, 4], vec![2, 1, 12], vec![4, 3, 2], vec![8, 3]] {
            let view = base.reshape(&Shape::new(shape)).expect("contiguous rows reshape freely");
            assert_eq!(positions(&view), positions(&base));
        }
    }

    #[test]
    fn reshape_of_a_strided_view_splits_but_does_not_merge() {
        let rows = Layout::contiguous(&Shape::from([5, 8])).slice(&[0, 2], &Shape::from([5, 4]));
        let split = rows.reshape(&Shape::from([5, 2, 2])).expect("an axis can be split");
        assert_eq!(positions(&split), positions(&rows));
        assert!(rows.reshape(&Shape::from([20])).is_none());
        let repeated = Layout::contiguous(&Shape::from([3])).broadcast(&Shape::from([2, 3]), &[1]);
        assert!(repeated.reshape(&Shape::from([6])).is_none());
        assert!(!repeated.is_contiguous());
    }
}

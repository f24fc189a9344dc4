//! Reference values from an npz file.

use super::Solution;
use crate::error::{Error, Result};
use crate::pinns::problem::Problem;
use npyz::npz::NpzArchive;
use npyz::{DType, Order, TypeChar};
use std::path::Path;

/// Reads one axis for each coordinate (arrays of that name, ascending) and the values (an array named as the unknown, one
/// dimension for each coordinate in the problem's order). Numbers may be f32 or f64, arrays in C or Fortran order.
/// Errors: a file that is no npz, arrays that are missing or do not fit the problem.
pub(super) fn load(path: &Path, problem: &Problem) -> Result<Solution> {
    let mut archive = NpzArchive::open(path).map_err(|e| Error::file(path, format!("cannot be read as npz: {e}")))?;
    let mut axes = Vec::new();
    for (k, name) in problem.coordinates.iter().enumerate() {
        let (shape, axis) = array(&mut archive, path, name)?;
        let (low, high) = (problem.domain.lower()[k], problem.domain.upper()[k]);
        let margin = 1e-6 * (high - low);
        let inside = axis.iter().all(|&x| x >= low - margin && x <= high + margin);
        let ascending = axis.windows(2).all(|w| w[0] < w[1]);
        if axis.is_empty() || shape.iter().filter(|&&n| n != 1).count() > 1 || !inside || !ascending {
            let expected = format!("one ascending axis inside [{low}, {high}]");
            return Err(Error::file(path, format!("array `{name}`: expected {expected}, got shape {shape:?}")));
        }
        axes.push(axis);
    }
    let unknown = &problem.unknowns[0];
    let (shape, values) = array(&mut archive, path, unknown)?;
    let expected: Vec<usize> = axes.iter().map(Vec::len).collect();
    if shape != expected {
        let names = problem.coordinates.join(", ");
        let message = format!("array `{unknown}`: expected shape {expected:?} (axes {names}), got {shape:?}");
        return Err(Error::file(path, message));
    }
    let name = path.file_name().map_or_else(|| "file".into(), |n| n.to_string_lossy().into_owned());
    Ok(Solution { name, axes, values })
}

/// Shape and row-major values of one array.
fn array(
    archive: &mut NpzArchive<std::io::BufReader<std::fs::File>>,
    path: &Path,
    name: &str,
) -> Result<(Vec<usize>, Vec<f64>)> {
    let known = archive.array_names().collect::<Vec<_>>().join(", ");
    let failed = |e: std::io::Error| Error::file(path, format!("array `{name}` cannot be read: {e}"));
    let file = archive.by_name(name).map_err(failed)?;
    let file = file.ok_or_else(|| Error::file(path, format!("array `{name}` is missing; the file has {known}")))?;
    let shape: Vec<usize> = file.shape().iter().map(|&n| n as usize).collect();
    let order = file.order();
    let dtype = file.dtype();
    let size = match &dtype {
        DType::Plain(ty) if ty.type_char() == TypeChar::Float => ty.num_bytes(),
        _ => None,
    };
    let values: Vec<f64> = match size {
        Some(8) => file.into_vec().map_err(failed)?,
        Some(4) => file.into_vec::<f32>().map_err(failed)?.into_iter().map(f64::from).collect(),
        _ => {
            let message = format!("array `{name}`: expected numbers of type f32 or f64, got {}", dtype.descr());
            return Err(Error::file(path, message));
        }
    };
    if shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b)) != Some(values.len()) {
        return Err(Error::file(path, format!("array `{name}`: shape {shape:?} but {} values", values.len())));
    }
    Ok(match order {
        Order::C => (shape, values),
        Order::Fortran => {
            let values = row_major(&shape, &values);
            (shape, values)
        }
    })
}

/// Values in Fortran order (first index fastest) put into row-major order.
fn row_major(shape: &[usize], values: &[f64]) -> Vec<f64> {
    (0..values.len())
        .map(|row| {
            let (mut rest, mut at) = (row, 0);
            for (k, &n) in shape.iter().enumerate().rev() {
                let stride: usize = shape[..k].iter().product();
                at += rest % n * stride;
                rest /= n;
            }
            values[at]
        })
        .collect()
}

//! Every reverse rule against central differences of the interpreter.

use super::{assert_near, normal, run};
use fieldline::ops::HostArray;
use fieldline::tape::{Recorder, Tape, Var, concat};
use fieldline::tensor::{Array, DType};

/// Central differences of order four with step h = 1e-3: truncation h^4 |f'''''| / 30 is about 3e-14 times the fifth
/// derivative, rounding 1.5 * 2^-53 |f| / h about 2e-13 |f|. 1e-9 leaves room for derivatives of some thousands.
const TOLERANCE: f64 = 1e-9;
const H: f64 = 1e-3;

/// Checks the gradient of `sum(w * f(inputs))`, `w` fixed and irregular, with respect to every input.
pub fn check(name: &str, shapes: &[&[usize]], f: impl Fn(&Recorder, &[Var]) -> Var) {
    let tape = Tape::record(|r| {
        let inputs: Vec<Var> =
            shapes.iter().enumerate().map(|(i, s)| r.input(&format!("x{i}"), s.to_vec(), DType::F32)).collect();
        let y = f(r, &inputs);
        let n = y.shape().elements();
        let weights: Vec<f32> = (0..n).map(|i| 1.0 + 0.25 * ((i * 7) % 5) as f32).collect();
        let w = r.constant(Array::f32(y.shape(), weights)?);
        r.output("loss", &(&y * &w).sum_all());
        Ok(())
    })
    .unwrap_or_else(|e| panic!("{name}: {e}"));
    let names: Vec<String> = (0..shapes.len()).map(|i| format!("x{i}")).collect();
    let gradient =
        tape.grad(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let point: Vec<HostArray> = shapes.iter().enumerate().map(|(i, s)| normal(40 + i as u64, s)).collect();
    let exact = run(&gradient, &point);
    for (i, shape) in shapes.iter().enumerate() {
        let numeric: Vec<f64> = (0..shape.iter().product())
            .map(|k| {
                let at = |shift: f64| {
                    let mut moved = point.clone();
                    let mut values = point[i].to_f64();
                    values[k] += shift;
                    moved[i] = HostArray::f64(shape.to_vec(), values).expect("same shape");
                    run(&tape, &moved)[0][0]
                };
                (8.0 * (at(H) - at(-H)) - (at(2.0 * H) - at(-2.0 * H))) / (12.0 * H)
            })
            .collect();
        println!("{name}, input {i}");
        assert_near(&exact[1 + i], &numeric, TOLERANCE);
    }
}

#[test]
fn elementwise_functions() {
    check("arithmetic", &[&[3, 4], &[4]], |_, x| &x[0] * &x[1] + &x[0] / &(x[1].square() + 1.0) - &x[1]);
    check("exp log", &[&[5]], |_, x| x[0].exp() + (x[0].square() + 1.0).log());
    check("sin cos tanh erf", &[&[5]], |_, x| x[0].sin() * x[0].cos() + x[0].tanh() * x[0].erf());
    check("sqrt pow", &[&[5]], |_, x| (x[0].square() + 0.5).sqrt() + (x[0].square() + 1.0).powf(1.7));
    check("max min abs", &[&[6], &[6]], |_, x| x[0].maximum(&x[1]) * x[0].minimum(&x[1]) + x[0].abs());
    check("select", &[&[6], &[6]], |_, x| x[0].less(&x[1]).select(&x[0].exp(), &x[1].sin()));
}

#[test]
fn reductions() {
    for axes in [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[0, 1, 2]] {
        check("sum", &[&[2, 3, 4]], |_, x| x[0].square().sum(axes));
        check("mean", &[&[2, 3, 4]], |_, x| x[0].square().mean(axes));
        check("max", &[&[2, 3, 4]], |_, x| x[0].max(axes).square());
        check("min", &[&[2, 3, 4]], |_, x| x[0].min(axes).square());
    }
}

#[test]
fn movement() {
    check("reshape permute", &[&[2, 3, 4]], |_, x| x[0].permute(&[2, 0, 1]).reshape([4, 6]).square());
    check("slice", &[&[5, 6]], |_, x| x[0].slice(&[1, 2], [3, 3]).square());
    check("slices that tile", &[&[6]], |_, x| {
        x[0].slice_axis(0, 0, 2).exp().sum_all() + x[0].slice_axis(0, 2, 4).sin().sum_all()
    });
    check("slices with gaps", &[&[9]], |_, x| {
        x[0].slice_axis(0, 1, 2).exp().sum_all() * x[0].slice_axis(0, 5, 2).sin().sum_all()
    });
    check("slices that overlap", &[&[6]], |_, x| &x[0].slice_axis(0, 0, 4).exp() * &x[0].slice_axis(0, 2, 4));
    check("pad", &[&[2, 3]], |_, x| x[0].pad(&[1, 0], [4, 5], 0.5).square());
    check("concat", &[&[2, 3], &[2, 2]], |_, x| concat(&[&x[0], &x[1], &x[0]], 1).square());
    check("broadcast", &[&[3, 1]], |_, x| x[0].broadcast_to([2, 3, 4]).square());
}

#[test]
fn gather_and_scatter() {
    let index = |r: &Recorder| r.constant(Array::u32([4], [2, 0, 2, 1]).expect("four values"));
    check("gather", &[&[3, 2]], |r, x| x[0].gather(&index(r)).square());
    check("scatter_add", &[&[4, 2]], |r, x| x[0].scatter_add(&index(r), 3).square());
}

#[test]
fn products() {
    check("matmul", &[&[3, 4], &[4, 2]], |_, x| x[0].matmul(&x[1]).square());
    check("batched matmul", &[&[2, 3, 4], &[2, 4, 2]], |_, x| x[0].matmul(&x[1]).square());
    check("shared matrix", &[&[2, 3, 4], &[4, 2]], |_, x| x[0].matmul(&x[1]).square());
    check("transposed", &[&[4, 3], &[2, 4]], |_, x| x[0].transpose().matmul(&x[1].transpose()).square());
    check("outer", &[&[3, 1], &[1, 2]], |_, x| x[0].matmul(&x[1]).square());
}

/// Second derivatives: the gradient of a function of the gradient.
#[test]
fn gradients_of_gradients() {
    check("grad of grad", &[&[4, 3], &[3, 2]], |r, x| {
        let energy = x[0].matmul(&x[1]).tanh().square().sum_all();
        let gradients = r.gradient(&energy, &[&x[0], &x[1]]);
        gradients[0].square().sum_all() + gradients[1].sin().sum_all()
    });
    check("third order", &[&[4]], |r, x| {
        let f = (&x[0] * &x[0].sin()).sum_all();
        let g = r.gradient(&f, &[&x[0]]).remove(0);
        let h = r.gradient(&g.square().sum_all(), &[&x[0]]).remove(0);
        h.exp()
    });
}

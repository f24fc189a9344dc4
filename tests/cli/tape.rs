use fieldline::gpu::{Gpu, Selector};
use fieldline::tape::{Tape, program::Program};
use fieldline::tensor::{Array, DType};

fn main() -> fieldline::Result<()> {
    let tape = Tape::record(|r| {
        let (a, x) = (r.input("a", [2, 3], DType::F32), r.input("x", [3, 1], DType::F32));
        let loss = a.matmul(&x).square().sum_all();
        let gradient = r.gradient(&loss, &[&x]); // 2 aᵀ a x, recorded as ops of the same tape
        r.output("gradient", &gradient[0]);
        Ok(())
    })?;
    let program = Program::compile(&Gpu::new(&Selector::Auto)?, &tape, &[])?;
    program.write("a", &Array::f32([2, 3], [1.0, 0.0, 2.0, 0.0, 1.0, -1.0])?)?;
    program.write("x", &Array::f32([3, 1], [1.0, 2.0, 3.0])?)?;
    program.run()?;
    assert_eq!(program.read("gradient")?.to_f64(), [14.0, -2.0, 30.0]);
    Ok(())
}

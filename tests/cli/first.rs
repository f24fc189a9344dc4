use fieldline::gpu::{Gpu, Selector};
use fieldline::pinns::{problem::Problem, solver::Solver};
use fieldline::run::Terminal;

fn main() -> fieldline::Result<()> {
    let gpu = Gpu::new(&Selector::Auto)?;
    let problem = Problem::load("poisson-1d")?; // or the path of a problem file
    let trained = Solver::new(&gpu, &problem)?.run(&mut Terminal::new(false), &mut |_, _| Ok(()))?;
    println!("u(0.5) = {:?}, exactly 1", trained.model.evaluate(&gpu, &[0.5])?);
    Ok(())
}

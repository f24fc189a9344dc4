//! One device, several threads.

use crate::bounded::{gpu, normal, record, turn};
use fieldline::tape::program::Program;

/// Threads that run programs of their own on one device do not disturb each other.
#[test]
fn a_device_serves_several_threads() {
    let _turn = turn();
    let work = |seed: u64| {
        let x = normal(seed, &[64]);
        let program =
            Program::compile(gpu(), &record("copy", std::slice::from_ref(&x), |_, x| x[0].permute(&[0])), &[])?;
        for _ in 0..500 {
            program.write("x0", &x)?;
            program.run()?;
            assert_eq!(program.read("y")?, x);
        }
        Ok::<(), fieldline::Error>(())
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || work(seed))).collect();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect()
    });
    let errors: Vec<String> = results.into_iter().filter_map(|r| r.err()).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

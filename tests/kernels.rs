//! The hand-written matmul and reduction kernels against f64 references with derived bounds.

#[path = "kernels/device.rs"]
mod device;
#[path = "kernels/matmul.rs"]
mod matmul;
#[path = "kernels/reduce.rs"]
mod reduce;

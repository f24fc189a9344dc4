//! The hand-written matmul and reduction kernels against f64 references with derived bounds.

#[path = "kernels/compose.rs"]
mod compose;
#[path = "kernels/device.rs"]
mod device;
#[path = "kernels/measure.rs"]
mod measure;

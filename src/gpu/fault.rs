//! Faults of a device as typed errors that name the kernel or buffer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::error::{DeviceFault, Error, Result};

/// An [`Error::Device`].
pub(super) fn device_error(fault: DeviceFault, kernel: &str, message: impl Into<String>) -> Error {
    Error::Device { fault, kernel: kernel.into(), message: message.into() }
}

/// Runs `work` inside error scopes of this thread, so that nothing reaches the error handler of a host application; the
/// first error of the device, if any, becomes an [`Error::Device`] that names `kernel`.
pub(super) fn scoped<T>(device: &wgpu::Device, kernel: &str, work: impl FnOnce() -> T) -> Result<T> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let result = work();
    // Scopes form a stack: the last pushed is popped first. On native backends the futures are ready at once.
    let errors = [validation, internal, memory].map(|scope| pollster::block_on(scope.pop()));
    // An allocation that failed is the cause of the invalid objects that follow.
    let [validation, internal, memory] = errors;
    match memory.or(internal).or(validation) {
        None => Ok(result),
        Some(error) => Err(translate(error, kernel)),
    }
}

fn translate(error: wgpu::Error, kernel: &str) -> Error {
    match error {
        wgpu::Error::OutOfMemory { source } => {
            device_error(DeviceFault::OutOfMemory, kernel, one_line(&source.to_string()))
        }
        wgpu::Error::Validation { description, .. } => {
            device_error(DeviceFault::Validation, kernel, one_line(&description))
        }
        wgpu::Error::Internal { description, .. } => {
            device_error(DeviceFault::Validation, kernel, format!("internal error: {}", one_line(&description)))
        }
    }
}

/// wgpu describes an error as a chain over several indented lines.
fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "Caused by:").collect();
    lines.join(": ")
}

/// Waits until the submission, or all work so far, is done.
pub(super) fn poll(
    device: &wgpu::Device,
    submission: Option<wgpu::SubmissionIndex>,
    timeout: Duration,
    kernel: &str,
) -> Result<()> {
    let wait = wgpu::PollType::Wait { submission_index: submission, timeout: Some(timeout) };
    // wgpu 30 panics in `poll` where the driver reports the loss of the device; that must not take the process down.
    match catch_unwind(AssertUnwindSafe(|| device.poll(wait))) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(wgpu::PollError::Timeout)) => {
            let message = format!("the work was not done after {:.3} s", timeout.as_secs_f64());
            Err(device_error(DeviceFault::Timeout, kernel, message))
        }
        Ok(Err(error)) => Err(device_error(DeviceFault::Validation, kernel, error.to_string())),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map_or("the driver lost the device", String::as_str);
            Err(device_error(DeviceFault::Lost, kernel, one_line(message)))
        }
    }
}
